/*
 * Makes "X connected" and "X left" out of presence events, so that nobody's
 * flickering network floods the others: a change is told only when it has
 * lasted, and one that is undone meanwhile is not told at all.
 */

import type { UserId, WireUser } from "../wire";

const SETTLE_MS = 1_500;
const HUSH_MS = 6_000;

interface Change {
  before: boolean;
  after: boolean;
  timer: ReturnType<typeof setTimeout>;
}

export class PresenceNotes {
  private readonly changes = new Map<UserId, Change>();
  private hushedUntil = 0;

  constructor(private readonly tell: (userId: UserId, online: boolean) => void) {}

  changed(user: WireUser, before: boolean): void {
    const known = this.changes.get(user.id);

    if (known) {
      clearTimeout(known.timer);
    }

    if (Date.now() < this.hushedUntil) {
      this.changes.delete(user.id);
      return;
    }

    this.changes.set(user.id, {
      before: known ? known.before : before,
      after: user.online,
      timer: setTimeout(() => this.settle(user.id), SETTLE_MS),
    });
  }

  /**
   * Tells nothing for a while.  When our own connection was lost, others'
   * probably was too, and their coming back is no news.
   */
  hush(): void {
    this.clear();
    this.hushedUntil = Date.now() + HUSH_MS;
  }

  clear(): void {
    this.changes.forEach((change) => clearTimeout(change.timer));
    this.changes.clear();
  }

  private settle(userId: UserId): void {
    const change = this.changes.get(userId);

    this.changes.delete(userId);

    if (change && change.before !== change.after) {
      this.tell(userId, change.after);
    }
  }
}
