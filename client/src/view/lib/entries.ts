/*
 * What a message list shows: the room's messages, and behind them the ones
 * that are still on their way.  Looked up by index, never built as a list,
 * since a room may hold 50,000.
 */

import type { Message } from "../../transport/normalise";
import type { OutboxItem } from "../../transport/outbox";
import { comparePositions } from "../../transport/position";
import type { Position, UserId } from "../../wire";
import { dayOf } from "./times";

const GROUP_SECONDS = 300;

export interface Entry {
  key: string;
  from: UserId;
  date: number;
  text: string;
  item?: OutboxItem;
  /** Missing while the message is on its way. */
  id?: Position;
}

export class Entries {
  readonly count: number;
  private readonly pending: OutboxItem[];

  constructor(
    private readonly messages: Message[],
    outbox: OutboxItem[],
    private readonly me: UserId,
    private readonly lineAfter: Position | null,
    private readonly complete: boolean,
  ) {
    /* The message may be here before its acknowledgement is. */
    const recent = new Set(messages.slice(-200).map((message) => message.nonce));

    this.pending = outbox.filter((item) => !recent.has(item.nonce));
    this.count = messages.length + this.pending.length;
  }

  keyAt = (index: number): string => {
    const message = this.messages[index];

    if (message) {
      return message.nonce ?? message.id;
    }

    return this.pending[index - this.messages.length]?.nonce ?? "";
  };

  at(index: number): Entry {
    const message = this.messages[index];

    if (message) {
      const { id, from, date, text } = message;

      return { key: this.keyAt(index), id, from, date, text };
    }

    const item = this.pending[index - this.messages.length]!;

    return {
      key: item.nonce,
      from: this.me,
      date: Math.floor(item.createdAt / 1000),
      text: item.text,
      item,
    };
  }

  startsDay(index: number): boolean {
    return (
      (index === 0 && this.complete) ||
      (index > 0 && dayOf(this.at(index - 1).date) !== dayOf(this.at(index).date))
    );
  }

  /** First of a run of one author's messages. */
  startsGroup(index: number): boolean {
    if (index === 0 || this.startsDay(index) || this.hasLine(index)) {
      return true;
    }

    const before = this.at(index - 1);
    const entry = this.at(index);

    return before.from !== entry.from || entry.date - before.date > GROUP_SECONDS;
  }

  endsGroup(index: number): boolean {
    return index === this.count - 1 || this.startsGroup(index + 1);
  }

  /** The line "new messages" is above this one. */
  hasLine(index: number): boolean {
    if (this.lineAfter === null) {
      return false;
    }

    const after = (i: number) =>
      i >= this.messages.length ||
      comparePositions(this.messages[i]!.id, this.lineAfter!) > 0;

    return index === 0
      ? this.complete && after(0)
      : index < this.messages.length && after(index) && !after(index - 1);
  }

  /** Where the line is; null when it isn't among what is loaded. */
  lineIndex(): number | null {
    if (this.lineAfter === null) {
      return null;
    }

    for (let i = this.messages.length - 1; i >= 0; i--) {
      if (comparePositions(this.messages[i]!.id, this.lineAfter) <= 0) {
        return i + 1 < this.messages.length ? i + 1 : null;
      }
    }

    return this.messages.length > 0 ? 0 : null;
  }
}
