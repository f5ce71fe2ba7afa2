/*
 * Positions order the messages of a room.  They are decimal numbers of at
 * most 17 digits, so a double tells any two of them apart; the text is only
 * kept because it is what the server wants back.
 */

import type { Position } from "../wire";

export const START: Position = "0";

export function comparePositions(a: Position, b: Position): number {
  return Number(a) - Number(b);
}

export function laterPosition(
  a: Position | undefined,
  b: Position | undefined,
): Position | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b;
  }

  return comparePositions(a, b) < 0 ? b : a;
}
