/*
 * Merging messages into a room's list, which stays in order of position and
 * without duplicates.  The two common cases, all behind and all before what
 * is there, don't look at the list's inside.
 */

import { comparePositions } from "../transport/position";
import type { Message } from "../transport/normalise";

export function mergeMessages(present: Message[], added: Message[]): Message[] {
  if (added.length === 0) {
    return present;
  }

  const sorted = inOrder(added) ? added : sortUnique(added);
  const first = sorted[0]!;
  const last = sorted[sorted.length - 1]!;

  if (present.length === 0) {
    return sorted;
  }

  if (comparePositions(first.id, present[present.length - 1]!.id) > 0) {
    return [...present, ...sorted];
  }

  if (comparePositions(last.id, present[0]!.id) < 0) {
    return [...sorted, ...present];
  }

  return weave(present, sorted);
}

function inOrder(list: Message[]): boolean {
  return list.every(
    (message, i) => i === 0 || comparePositions(list[i - 1]!.id, message.id) < 0,
  );
}

function sortUnique(list: Message[]): Message[] {
  return [...list]
    .sort((a, b) => comparePositions(a.id, b.id))
    .filter((m, i, all) => i === 0 || comparePositions(all[i - 1]!.id, m.id) !== 0);
}

/* Of two with the same position the present one stays: rows keep identity. */
function weave(present: Message[], added: Message[]): Message[] {
  const result: Message[] = [];
  let grown = false;
  let i = 0;
  let k = 0;

  while (i < present.length || k < added.length) {
    const a = present[i];
    const b = added[k];
    const order = !a ? 1 : !b ? -1 : comparePositions(a.id, b.id);

    if (order <= 0) {
      result.push(a!);
      i++;
      k += order === 0 ? 1 : 0;
    } else {
      result.push(b!);
      k++;
      grown = true;
    }
  }

  return grown ? result : present;
}
