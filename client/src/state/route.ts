/*
 * The open room is in the address, so that a reload and the browser's
 * "back" do what people expect.
 */

import type { RoomId } from "../wire";

export function hashOf(roomId: RoomId | null): string {
  return roomId === null ? "#/" : `#/room/${encodeURIComponent(roomId)}`;
}

export function roomOf(hash: string): RoomId | null {
  const match = /^#\/room\/([^/]+)$/.exec(hash);

  try {
    return match ? decodeURIComponent(match[1]!) : null;
  } catch {
    return null;
  }
}

/** The admins' page is beside the chat's own. */
export function isAdminPage(address: string): boolean {
  return /\/admin$/.test(new URL(address).pathname);
}
