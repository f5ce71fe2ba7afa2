/*
 * Messages that the server has not acknowledged yet.
 *
 * Each is kept in storage from the moment it is written until the server
 * has it, and is sent again with the same nonce until then, so that it
 * arrives once however often the connection breaks.  Messages of one room
 * go out one after the other, in the order they were written.
 *
 *   sending --- ack ok ----------------------------> gone
 *      |  ^---- no answer, or "retry" ------+
 *      |                                    |
 *      +------- refused, or tried too often --> failed --- retry() -> sending
 *
 * A message with which the connection breaks time after time, perhaps since
 * it is larger than the server takes, fails as well: sending it for ever
 * would cut all other traffic again and again.
 *
 * The server knows a nonce for ten minutes.  A message that was first tried
 * longer ago is looked for in the room's history before it is sent again.
 */

import type { Position, RoomId, SendAck } from "../wire";
import type { KeyValue } from "./storage";

const NONCE_TRUST_MS = 8 * 60_000;
const MAX_REFUSALS = 5;
const MAX_LOSSES = 3;
const FIRST_PAUSE_MS = 1_000;
const KEY = "outbox:";

export interface OutboxItem {
  nonce: string;
  roomId: RoomId;
  text: string;
  /** Milliseconds since 1970, by this device's clock. */
  createdAt: number;
  state: "sending" | "failed";
  /** Why it failed, in the server's words; empty when there are none. */
  error: string;
  /** When it first went out, and what the room's newest message was then. */
  firstTry?: { at: number; after: Position };
}

export interface Sent {
  id: Position;
  date: number;
}

export interface OutboxDeps {
  storage: KeyValue;
  isConnected(): boolean;
  /** Rejects when no answer came. */
  send(item: OutboxItem): Promise<SendAck>;
  /** Finds a message of ours that may have arrived without our knowing. */
  findSent(item: OutboxItem): Promise<Sent | null>;
  /** The newest known position of a room. */
  newestPosition(roomId: RoomId): Position;
  onChange(items: OutboxItem[]): void;
  onSent(item: OutboxItem, sent: Sent): void;
  now?: () => number;
  newNonce?: () => string;
  delay?: (ms: number) => Promise<void>;
}

export class Outbox {
  private items: OutboxItem[] = [];
  private readonly busy = new Set<RoomId>();
  private readonly refusals = new Map<string, number>();
  private readonly losses = new Map<string, number>();
  private closed = false;
  private readonly now: () => number;
  private readonly newNonce: () => string;
  private readonly delay: (ms: number) => Promise<void>;

  constructor(private readonly deps: OutboxDeps) {
    this.now = deps.now ?? Date.now;
    this.newNonce = deps.newNonce ?? randomNonce;
    this.delay = deps.delay ?? ((ms) => new Promise((done) => setTimeout(done, ms)));
    this.items = this.load();
  }

  list(): OutboxItem[] {
    return this.items;
  }

  submit(roomId: RoomId, text: string): OutboxItem {
    const item: OutboxItem = {
      nonce: this.newNonce(),
      roomId,
      text,
      createdAt: this.now(),
      state: "sending",
      error: "",
    };

    this.items = [...this.items, item];
    this.save(item);
    this.changed();
    void this.pump(roomId);

    return item;
  }

  /**
   * Call when a connection has been made.  What other tabs have left behind
   * is taken along; if they are still there, the nonce makes it one message.
   */
  flush(): void {
    const known = new Set(this.items.map((item) => item.nonce));
    const left = this.load().filter((item) => !known.has(item.nonce));

    if (left.length > 0) {
      this.items = [...this.items, ...left];
      this.changed();
    }

    for (const roomId of new Set(this.items.map((item) => item.roomId))) {
      void this.pump(roomId);
    }
  }

  retry(nonce: string): void {
    this.refusals.delete(nonce);
    this.losses.delete(nonce);
    this.update(nonce, { state: "sending", error: "" });

    const item = this.find(nonce);

    if (item) {
      void this.pump(item.roomId);
    }
  }

  /** Takes a message back, to be edited or forgotten. */
  discard(nonce: string): OutboxItem | undefined {
    const item = this.find(nonce);

    this.forget(nonce);

    return item;
  }

  /** The message has come back from the server, by whatever way. */
  settle(nonce: string): void {
    if (this.find(nonce)) {
      this.forget(nonce);
    }
  }

  /** Another tab has removed a key of the storage. */
  removedElsewhere(key: string): void {
    if (key.startsWith(KEY)) {
      this.settle(key.slice(KEY.length));
    }
  }

  close(): void {
    this.closed = true;
  }

  private async pump(roomId: RoomId): Promise<void> {
    if (this.busy.has(roomId)) {
      return;
    }

    this.busy.add(roomId);

    try {
      for (;;) {
        const item = this.items.find(
          (i) => i.roomId === roomId && i.state === "sending",
        );

        if (!item || this.closed || !this.deps.isConnected()) {
          return;
        }

        await this.attempt(item);
      }
    } finally {
      this.busy.delete(roomId);
    }
  }

  private async attempt(item: OutboxItem): Promise<void> {
    const { nonce } = item;

    try {
      const earlier = await this.lookFor(item);

      if (earlier) {
        this.deps.onSent(item, earlier);
        this.forget(nonce);
        return;
      }

      const ack = await this.deps.send(this.find(nonce) ?? item);

      if ("ok" in ack) {
        this.deps.onSent(item, { id: String(ack.id), date: ack.date });
        this.forget(nonce);
      } else {
        await this.refused(item, ack.error, ack.retry === true);
      }
    } catch {
      /* No answer.  A lost connection ends the loop; flush() resumes it. */
      if (this.deps.isConnected()) {
        await this.refused(item, "", true);
      } else {
        this.lost(nonce);
      }
    }
  }

  private async lookFor(item: OutboxItem): Promise<Sent | null> {
    const { firstTry } = item;

    if (firstTry && this.now() - firstTry.at < NONCE_TRUST_MS) {
      return null;
    }

    const found = firstTry ? await this.deps.findSent(item) : null;

    if (!found) {
      this.update(item.nonce, {
        firstTry: {
          at: this.now(),
          after: firstTry?.after ?? this.deps.newestPosition(item.roomId),
        },
      });
    }

    return found;
  }

  private async refused(
    item: OutboxItem,
    error: string,
    again: boolean,
  ): Promise<void> {
    const count = (this.refusals.get(item.nonce) ?? 0) + 1;

    this.refusals.set(item.nonce, count);

    if (again && count < MAX_REFUSALS) {
      await this.delay(FIRST_PAUSE_MS * 2 ** (count - 1));
      return;
    }

    this.update(item.nonce, { state: "failed", error });
  }

  private lost(nonce: string): void {
    const count = (this.losses.get(nonce) ?? 0) + 1;

    this.losses.set(nonce, count);

    if (count >= MAX_LOSSES) {
      this.update(nonce, { state: "failed", error: "" });
    }
  }

  private find(nonce: string): OutboxItem | undefined {
    return this.items.find((item) => item.nonce === nonce);
  }

  private update(nonce: string, change: Partial<OutboxItem>): void {
    const item = this.find(nonce);

    if (!item) {
      return;
    }

    const next = { ...item, ...change };

    this.items = this.items.map((i) => (i === item ? next : i));
    this.save(next);
    this.changed();
  }

  private forget(nonce: string): void {
    this.items = this.items.filter((item) => item.nonce !== nonce);
    this.refusals.delete(nonce);
    this.losses.delete(nonce);
    this.deps.storage.remove(KEY + nonce);
    this.changed();
  }

  private changed(): void {
    if (!this.closed) {
      this.deps.onChange(this.items);
    }
  }

  /* One key for each message: two tabs then never overwrite each other. */
  private save(item: OutboxItem): void {
    this.deps.storage.set(KEY + item.nonce, JSON.stringify(item));
  }

  private load(): OutboxItem[] {
    const items: OutboxItem[] = [];

    for (const key of this.deps.storage.keys()) {
      if (!key.startsWith(KEY)) {
        continue;
      }

      try {
        items.push(JSON.parse(this.deps.storage.get(key) ?? "") as OutboxItem);
      } catch {
        this.deps.storage.remove(key);
      }
    }

    return items.sort((a, b) => a.createdAt - b.createdAt);
  }
}

function randomNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));

  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
