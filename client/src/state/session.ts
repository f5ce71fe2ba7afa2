/*
 * All that goes on while one person is logged in: the connection, what comes
 * and what is sent over it, drafts, and what has been read.  Made when they
 * come in and closed when they leave; nothing outlives it but what is in the
 * browser's storage.
 */

import { Outbox, type OutboxItem, type Sent } from "../transport/outbox";
import { START } from "../transport/position";
import { prefixed, type KeyValue } from "../transport/storage";
import type { Live, LiveHandlers } from "../transport/live";
import type { Message } from "../transport/normalise";
import type { Rest } from "../transport/rest";
import type { Position, RoomId, SendAck, UserId, WireMe } from "../wire";
import { text } from "../text/en";
import type { Environment } from "./environment";
import { People } from "./people";
import { Rooms } from "./rooms";
import { lastMessage, peerOf } from "./selectors";
import type { Store } from "./store";

const FIND_SIZE = 200;
const BURST_MS = 16;
const RETRY_MS = 3_000;
const RESTORED_MS = 3_000;
const DRAFT = "draft:";
const NOTIFY = "notify";

/** What the parts of a session share. */
export interface SessionContext {
  rest: Rest;
  store: Store;
  closed(): boolean;
  /** Returns true when that ended the session: there is nothing to show. */
  failed(error: unknown): boolean;
}

export interface SessionOptions {
  env: Environment;
  rest: Rest;
  store: Store;
  me: WireMe;
  makeLive(handlers: LiveHandlers): Live;
  isLoggedOut(error: unknown): boolean;
  /** The session is over, or has become somebody else's. */
  onIdentity(now: WireMe | null): void;
}

export class Session {
  readonly rooms: Rooms;
  readonly people: People;
  readonly outbox: Outbox;
  private readonly live: Live;
  private readonly storage: KeyValue;
  private readonly prefix: string;
  private incoming: Message[] = [];
  private timers = new Set<ReturnType<typeof setTimeout>>();
  private burst = false;
  private atEnd = false;
  private isClosed = false;
  private readonly stopSaving: () => void;

  constructor(private readonly options: SessionOptions) {
    const { env, me, store } = options;

    this.prefix = `ngx-chat:${env.base.path}:${me.id}:`;
    this.storage = prefixed(env.storage, this.prefix);
    this.live = options.makeLive(this.handlers());

    const context: SessionContext = {
      rest: options.rest,
      store,
      closed: () => this.isClosed,
      failed: (error) => this.failed(error),
    };

    this.people = new People(context, me);
    this.rooms = new Rooms(context, this.storage, me, this.live, this.people, () =>
      this.deliver(),
    );
    this.outbox = new Outbox({
      storage: this.storage,
      isConnected: () => this.live.connected,
      send: (item) => this.transmit(item),
      findSent: (item) => this.findSent(item),
      newestPosition: (roomId) => this.newestPosition(roomId),
      onChange: (items) => store.dispatch({ type: "outbox", items }),
      onSent: (item, sent) => this.confirmed(item, sent),
    });

    store.dispatch({
      type: "entered",
      me,
      outbox: this.outbox.list(),
      drafts: this.loadDrafts(),
      notifications: this.storage.get(NOTIFY) === "on" && env.notifications.allowed,
    });
    this.stopSaving = store.subscribe(() => this.rooms.saveRead());

    this.live.connect();
    void this.rooms.load();
    void this.people.load();
  }

  close(): void {
    this.isClosed = true;
    this.live.close();
    this.outbox.close();
    this.people.close();
    this.stopSaving();
    this.timers.forEach(clearTimeout);
  }

  send(roomId: RoomId, words: string): void {
    this.outbox.submit(roomId, words);
    this.setDraft(roomId, "");
  }

  /** Puts a message that couldn't be sent back into the composer. */
  edit(nonce: string): void {
    const item = this.outbox.discard(nonce);

    if (item) {
      const draft = this.options.store.get().drafts[item.roomId];

      this.setDraft(item.roomId, draft ? `${item.text}\n${draft}` : item.text);
    }
  }

  setDraft(roomId: RoomId, draft: string): void {
    this.options.store.dispatch({ type: "draft", roomId, text: draft });

    if (draft === "") {
      this.storage.remove(DRAFT + roomId);
    } else {
      this.storage.set(DRAFT + roomId, draft);
    }
  }

  open(roomId: RoomId | null): void {
    const { dispatch, get } = this.options.store;

    this.atEnd = false;
    dispatch({ type: "open", roomId });

    if (roomId !== null && get().rooms[roomId]?.newest === "failed") {
      this.rooms.loadNewest(roomId, true);
    }

    this.findDeleted();
  }

  private findDeleted(): void {
    const { current } = this.options.store.get();

    if (current !== null) {
      void this.rooms.findDeleted(current);
    }
  }

  /** The room with somebody, made if it isn't there yet. */
  async openPrivate(userId: UserId): Promise<RoomId | null> {
    const { me, rest, store } = this.options;

    if (userId === me.id) {
      return null;
    }

    const known = pairId(me.id, userId);

    if (store.get().rooms[known]) {
      return known;
    }

    const room = await rest.createRoom(me.id, userId);

    this.rooms.add([room]);

    return room.id;
  }

  setAtEnd(atEnd: boolean): void {
    this.atEnd = atEnd;
    this.updateReading();
  }

  /** Reading is: the end of the room is in sight, and so is the page. */
  updateReading(): void {
    const { env, store } = this.options;
    const reading = this.atEnd && env.isVisible();

    if (reading !== store.get().reading) {
      store.dispatch({ type: "reading", reading });
    }
  }

  setNotifications(on: boolean): void {
    this.storage.set(NOTIFY, on ? "on" : "off");
    this.options.store.dispatch({ type: "notifications", on });
  }

  reconnectNow(): void {
    this.live.reconnectNow();
  }

  changedElsewhere(key: string, value: string | null): void {
    if (!key.startsWith(this.prefix)) {
      return;
    }

    const name = key.slice(this.prefix.length);

    if (value === null) {
      this.outbox.removedElsewhere(name);
    } else {
      this.rooms.readElsewhere(name, value);
    }
  }

  private handlers(): LiveHandlers {
    const { dispatch, get } = this.options.store;

    return {
      onOnline: (first) => {
        const restored = get().link === "lost";

        dispatch({ type: "link", status: "online" });

        if (restored) {
          dispatch({ type: "linkRestored", restored: true });
          this.later(RESTORED_MS, () =>
            dispatch({ type: "linkRestored", restored: false }),
          );
        }

        if (first) {
          this.outbox.flush();
          // again: who made a room meanwhile told nobody who was connecting
          void this.rooms.load();
        } else {
          this.people.hush();
          void this.cameBack();
        }
      },
      onLost: () => dispatch({ type: "link", status: "lost" }),
      onMessage: (message) => this.onMessage(message),
      onDeleted: ({ roomId, id }) => {
        this.deliver();
        dispatch({ type: "deleted", roomId, id });
      },
      onPresence: (user) => this.people.changed(user),
      onRoom: (room) => this.rooms.add([room]),
      onGap: (roomId) => this.rooms.loadNewest(roomId, true),
      onRefused: () => void this.refused(),
    };
  }

  /*
   * After a reconnect: the session may have become somebody else's in
   * another tab, and nothing may be sent in their name.
   */
  private async cameBack(): Promise<void> {
    try {
      if (await this.isStillMe()) {
        this.outbox.flush();
        void this.rooms.load();
        void this.people.load();
        this.rooms.retryFailed();
        this.findDeleted();
      }
    } catch {
      this.later(RETRY_MS, () => this.live.connected && void this.cameBack());
    }
  }

  /* The server doesn't want us: for good, or only now. */
  private async refused(): Promise<void> {
    const { store } = this.options;

    store.dispatch({ type: "link", status: "lost" });

    try {
      if (!(await this.isStillMe())) {
        return;
      }
    } catch {
      /* It can't be found out now: try again like any other time. */
    }

    this.later(RETRY_MS, () => this.live.connect());
  }

  private async isStillMe(): Promise<boolean> {
    const { me: now } = await this.options.rest.identity();

    if (this.isClosed) {
      return false;
    }

    if (now?.id !== this.options.me.id) {
      this.options.onIdentity(now);
      return false;
    }

    return true;
  }

  /* Requests that fail because the session is gone end it here as well. */
  private failed(error: unknown): boolean {
    if (!this.isClosed && this.options.isLoggedOut(error)) {
      this.options.onIdentity(null);
    }

    return this.isClosed;
  }

  private transmit(item: OutboxItem): Promise<SendAck> {
    return this.live.send({
      roomId: item.roomId,
      message: item.text,
      from: this.options.me.id,
      date: Math.floor(item.createdAt / 1000),
      nonce: item.nonce,
    });
  }

  private confirmed(item: OutboxItem, sent: Sent): void {
    if (!this.isClosed) {
      this.options.store.dispatch({
        type: "sent",
        message: {
          id: sent.id,
          roomId: item.roomId,
          from: this.options.me.id,
          date: Math.floor(sent.date),
          text: item.text,
          nonce: item.nonce,
        },
      });
    }
  }

  private async findSent(item: OutboxItem): Promise<Sent | null> {
    const { me, rest } = this.options;
    let after = item.firstTry?.after ?? START;

    for (;;) {
      const page = await rest.messages(item.roomId, { after, size: FIND_SIZE });
      const found = page.find((m) => m.from === me.id && m.text === item.text);

      if (found || page.length < FIND_SIZE) {
        return found ? { id: found.id, date: found.date } : null;
      }

      after = page[page.length - 1]!.id;
    }
  }

  private newestPosition(roomId: RoomId): Position {
    const room = this.options.store.get().rooms[roomId];

    return (room && lastMessage(room)?.id) ?? START;
  }

  /* Messages that come in a burst are told to the store together. */
  private onMessage(message: Message): void {
    this.incoming.push(message);

    if (!this.burst) {
      this.burst = true;
      this.later(BURST_MS, () => this.deliver());
    }

    void this.notify(message);
  }

  private deliver(): void {
    const { store } = this.options;
    const messages = this.incoming;

    this.burst = false;
    this.incoming = [];

    if (messages.length === 0) {
      return;
    }

    for (const { roomId } of messages) {
      if (!store.get().rooms[roomId]) {
        this.rooms.add([{ id: roomId, names: [] }]);
      }
    }

    this.people.askFor(messages);
    store.dispatch({ type: "received", messages });

    for (const { nonce } of messages) {
      if (nonce !== undefined) {
        this.outbox.settle(nonce);
      }
    }
  }

  private async notify(message: Message): Promise<void> {
    const { env, me, store } = this.options;

    if (
      !store.get().notifications ||
      message.from === me.id ||
      peerOf(message.roomId, me.id) === null ||
      env.isVisible()
    ) {
      return;
    }

    await this.people.ask([message.from]);

    const name = store.get().users[message.from]?.username;

    env.notifications.show(
      name ?? text.room.somebody(message.from),
      message.text,
      message.roomId,
    );
  }

  private loadDrafts(): Record<RoomId, string> {
    const drafts: Record<RoomId, string> = {};

    for (const key of this.storage.keys()) {
      if (key.startsWith(DRAFT)) {
        drafts[key.slice(DRAFT.length)] = this.storage.get(key) ?? "";
      }
    }

    return drafts;
  }

  private later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, ms);

    this.timers.add(timer);
  }
}

function pairId(a: UserId, b: UserId): RoomId {
  return Number(a) < Number(b) ? `${a}:${b}` : `${b}:${a}`;
}
