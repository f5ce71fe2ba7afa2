/*
 * The chat: listens to the transport, tells the store, and does what the
 * person asks for.  Knows nothing of how it is shown.
 *
 *   start() -> "out" (log in) -> enter() -> "in" -> leave() -> "out"
 *           \-> "unreachable", tried again until it answers
 */

import { ApiError } from "../transport/errors";
import { Live, type LiveHandlers } from "../transport/live";
import { Outbox, type OutboxItem, type Sent } from "../transport/outbox";
import { START } from "../transport/position";
import { Rest } from "../transport/rest";
import { prefixed, type KeyValue } from "../transport/storage";
import type { Message } from "../transport/normalise";
import type { Position, RoomId, UserId, WireMe, WireRoom, WireUser } from "../wire";
import { describe } from "../text/describe";
import { text } from "../text/en";
import type { Environment } from "./environment";
import { PresenceNotes } from "./presence-notes";
import { Queue } from "./queue";
import { lastMessage, peerOf } from "./selectors";
import { Store } from "./store";
import type { Notice } from "./types";

const NEWEST_SIZE = 30;
const OLDER_SIZE = 50;
const FIND_SIZE = 200;
const ONLINE_PAGE = 1_000;
const LOADS_AT_ONCE = 4;
const RETRY_MS = 3_000;
const NOTE_MS = 8_000;
const RESTORED_MS = 3_000;
const DRAFT = "draft:";
const READ = "read:";
const NOTIFY = "notify";

export class Chat {
  readonly store = new Store();
  readonly rest: Rest;
  private live: Live | null = null;
  private outbox: Outbox | null = null;
  private storage: KeyValue | null = null;
  private queue = new Queue(LOADS_AT_ONCE);
  private notes: PresenceNotes;
  private incoming: Message[] = [];
  private incomingTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly asked = new Set<UserId>();
  private readonly saved = new Map<RoomId, Position>();
  private counter = 0;
  private atEnd = false;
  /** No room was read on this device before: nothing counts as unread. */
  private newDevice = false;

  constructor(
    private readonly env: Environment,
    private readonly makeLive = (handlers: LiveHandlers) =>
      new Live(env.base, handlers),
  ) {
    this.rest = new Rest(env.base);
    this.notes = new PresenceNotes((id, online) => this.tellPresence(id, online));
    this.store.subscribe(() => this.saveRead());
    env.onVisibility(() => this.updateReading());
    env.onNetwork(() => this.reconnectNow());
    env.onStorage((key, value) => this.changedElsewhere(key, value));
  }

  async start(): Promise<void> {
    const { dispatch } = this.store;

    clearTimeout(this.retryTimer);
    void this.loadLinks();

    try {
      const me = await this.rest.me();

      if (me) {
        this.enter(me);
      } else {
        dispatch({ type: "phase", phase: "out" });
      }
    } catch {
      dispatch({ type: "phase", phase: "unreachable" });
      this.retryTimer = setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  /** Throws what describeLogin() explains. */
  async login(username: string, password: string, creating: boolean): Promise<void> {
    const { me, created } = await this.rest.login(username, password);

    this.notice(null);
    this.enter(me);

    if (created && !creating) {
      this.notice("accountCreated", text.notice.createdByLogIn(me.username));
    } else if (created) {
      this.notice("accountCreated", text.notice.created(me.username));
    } else if (creating) {
      this.notice("accountCreated", text.notice.existed(me.username));
    }
  }

  async logout(everywhere: boolean): Promise<void> {
    try {
      await this.rest.logout(everywhere);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) {
        this.notice("failed", text.notice.logoutFailed(describe(error)));
        return;
      }
    }

    this.leave();
  }

  open(roomId: RoomId | null): void {
    this.atEnd = false;
    this.store.dispatch({ type: "open", roomId });

    const room = roomId === null ? undefined : this.store.get().rooms[roomId];

    if (room && (room.newest === "idle" || room.newest === "failed")) {
      this.loadNewest(room.id, true);
    }
  }

  /** Opens the private room with somebody, which may be a new one. */
  async openPrivate(userId: UserId): Promise<RoomId | null> {
    const { me } = this.store.get();

    if (!me || userId === me.id) {
      return null;
    }

    const known = pairId(me.id, userId);

    if (this.store.get().rooms[known]) {
      return known;
    }

    try {
      const room = await this.rest.createRoom(me.id, userId);

      this.addRooms([room]);
      return room.id;
    } catch (error) {
      this.failed(error, text.notice.openFailed(describe(error)));
      return null;
    }
  }

  send(roomId: RoomId, message: string): void {
    this.outbox?.submit(roomId, message);
    this.setDraft(roomId, "");
  }

  retry(nonce: string): void {
    this.outbox?.retry(nonce);
  }

  discard(nonce: string): void {
    this.outbox?.discard(nonce);
  }

  /** Puts a message that couldn't be sent back into the composer. */
  edit(nonce: string): void {
    const item = this.outbox?.discard(nonce);

    if (item) {
      const draft = this.store.get().drafts[item.roomId];

      this.setDraft(item.roomId, draft ? `${item.text}\n${draft}` : item.text);
    }
  }

  setDraft(roomId: RoomId, draft: string): void {
    this.store.dispatch({ type: "draft", roomId, text: draft });

    if (draft === "") {
      this.storage?.remove(DRAFT + roomId);
    } else {
      this.storage?.set(DRAFT + roomId, draft);
    }
  }

  /** The view says whether the end of the open room is in sight. */
  setAtEnd(atEnd: boolean): void {
    this.atEnd = atEnd;
    this.updateReading();
  }

  async loadOlder(roomId: RoomId): Promise<void> {
    const { dispatch, get } = this.store;
    const room = get().rooms[roomId];
    const first = room?.messages[0];

    if (!first || room.older === "loading" || room.older === "ready") {
      return;
    }

    dispatch({ type: "older", roomId, status: "loading" });

    try {
      const messages = await this.rest.messages(roomId, {
        before: first.id,
        size: OLDER_SIZE,
      });

      this.askNames(messages);
      dispatch({
        type: "olderPage",
        roomId,
        messages,
        complete: messages.length < OLDER_SIZE,
      });
    } catch (error) {
      this.failed(error);
      dispatch({ type: "older", roomId, status: "failed" });
    }
  }

  retryNewest(roomId: RoomId): void {
    this.loadNewest(roomId, true);
  }

  reconnectNow(): void {
    this.live?.reconnectNow();
  }

  dismissNotice(): void {
    this.notice(null);
  }

  async setNotifications(on: boolean): Promise<void> {
    const allowed = on && (await this.env.notifications.request());

    if (on && !allowed) {
      this.notice("failed", text.notice.notificationsDenied);
    }

    this.storage?.set(NOTIFY, allowed ? "on" : "off");
    this.store.dispatch({ type: "notifications", on: allowed });
  }

  get notificationsSupported(): boolean {
    return this.env.notifications.supported;
  }

  async loadRooms(): Promise<void> {
    const { dispatch, get } = this.store;
    const { me, roomList } = get();

    if (!me) {
      return;
    }

    if (roomList !== "ready") {
      dispatch({ type: "roomList", status: "loading" });
    }

    try {
      const rooms = await this.rest.rooms(me.id);

      if (get().me?.id !== me.id) {
        return;
      }

      this.addRooms(rooms);
      dispatch({ type: "roomList", status: "ready" });
    } catch (error) {
      this.failed(error);

      if (get().roomList !== "ready") {
        dispatch({ type: "roomList", status: "failed" });
      }
    }
  }

  async loadPeople(): Promise<void> {
    const { dispatch, get } = this.store;

    if (get().people !== "ready") {
      dispatch({ type: "people", status: "loading" });
    }

    try {
      const people: WireUser[] = [];
      let page: WireUser[];

      do {
        const last = people[people.length - 1]?.id;

        page = await this.rest.online(last);
        page.sort((a, b) => Number(a.id) - Number(b.id));
        people.push(...page);
      } while (page.length >= ONLINE_PAGE);

      dispatch({ type: "online", users: people });
    } catch (error) {
      this.failed(error);

      if (get().people !== "ready") {
        dispatch({ type: "people", status: "failed" });
      }
    }
  }

  private async loadLinks(): Promise<void> {
    try {
      this.store.dispatch({ type: "links", links: await this.rest.links() });
    } catch {
      /* Without links nothing but the links is missing. */
    }
  }

  private enter(me: WireMe): void {
    const storage = prefixed(
      this.env.storage,
      `ngx-chat:${this.env.base.path}:${me.id}:`,
    );

    this.storage = storage;
    this.newDevice = !storage.keys().some((key) => key.startsWith(READ));
    this.outbox = new Outbox({
      storage,
      isConnected: () => this.live?.connected === true,
      send: (item) => this.transmit(me, item),
      findSent: (item) => this.findSent(me, item),
      newestPosition: (roomId) => this.newestPosition(roomId),
      onChange: (items) => this.store.dispatch({ type: "outbox", items }),
      onSent: (item, sent) => this.confirmed(me, item, sent),
    });
    this.store.dispatch({
      type: "entered",
      me,
      outbox: this.outbox.list(),
      drafts: loadDrafts(storage),
      notifications:
        storage.get(NOTIFY) === "on" && this.env.notifications.allowed,
    });

    this.live = this.makeLive(this.handlers(me));
    this.live.connect();
    void this.loadRooms();
    void this.loadPeople();
  }

  private leave(): void {
    this.live?.close();
    this.outbox?.close();
    this.live = null;
    this.outbox = null;
    this.storage = null;
    this.queue = new Queue(LOADS_AT_ONCE);
    this.notes.clear();
    this.incoming = [];
    this.asked.clear();
    this.saved.clear();
    clearTimeout(this.retryTimer);
    this.store.dispatch({ type: "left" });
  }

  private handlers(me: WireMe): LiveHandlers {
    const { dispatch, get } = this.store;

    return {
      onOnline: (first) => {
        const lost = get().link === "lost";

        dispatch({ type: "link", status: "online" });

        if (lost) {
          dispatch({ type: "linkRestored", restored: true });
          setTimeout(
            () => dispatch({ type: "linkRestored", restored: false }),
            RESTORED_MS,
          );
        }

        if (first) {
          this.outbox?.flush();
        } else {
          this.notes.clear();
          void this.cameBack(me);
        }
      },

      onLost: () => dispatch({ type: "link", status: "lost" }),

      onMessage: (message) => this.onMessage(me, message),

      onPresence: (user) => {
        if (user.id === me.id) {
          return;
        }

        this.notes.changed(user, get().users[user.id]?.online ?? false);
        dispatch({ type: "presence", user });
      },

      onRoom: (room) => this.addRooms([room]),

      onGap: (roomId) => this.loadNewest(roomId, true),

      onRefused: () => void this.refused(me),
    };
  }

  /*
   * After a reconnect: the session may have become somebody else's in
   * another tab, and nothing may be sent in their name.
   */
  private async cameBack(me: WireMe): Promise<void> {
    const { live } = this;

    try {
      const now = await this.rest.me();

      if (live !== this.live) {
        return;
      }

      if (now?.id !== me.id) {
        this.changedIdentity(now);
        return;
      }
    } catch {
      setTimeout(() => {
        if (live !== null && live === this.live && live.connected) {
          void this.cameBack(me);
        }
      }, RETRY_MS);
      return;
    }

    this.outbox?.flush();
    void this.loadRooms();
    void this.loadPeople();

    for (const room of Object.values(this.store.get().rooms)) {
      if (room.newest === "failed") {
        this.loadNewest(room.id);
      }
    }
  }

  private async refused(me: WireMe): Promise<void> {
    const { live } = this;
    let now: WireMe | null = me;

    try {
      now = await this.rest.me();
    } catch {
      this.store.dispatch({ type: "link", status: "lost" });
    }

    if (live === null || live !== this.live) {
      return;
    }

    if (now?.id !== me.id) {
      this.changedIdentity(now);
      return;
    }

    this.store.dispatch({ type: "link", status: "lost" });
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => live === this.live && live.connect(), RETRY_MS);
  }

  private changedIdentity(now: WireMe | null): void {
    this.leave();

    if (now) {
      this.enter(now);
    } else {
      this.notice("loggedOut", text.notice.sessionEnded);
    }
  }

  /* Requests that fail because the session is gone end the session here. */
  private failed(error: unknown, notice?: string): void {
    if (error instanceof ApiError && error.status === 401 && this.live) {
      this.changedIdentity(null);
    } else if (notice !== undefined) {
      this.notice("failed", notice);
    }
  }

  private addRooms(rooms: WireRoom[]): void {
    const { dispatch, get } = this.store;

    dispatch({
      type: "rooms",
      rooms: rooms.map((room) => ({
        ...room,
        lastRead: this.storage?.get(READ + room.id) ?? null,
      })),
    });

    for (const { id } of rooms) {
      if (get().rooms[id]?.newest === "idle") {
        this.loadNewest(id, id === get().current);
      }
    }

    this.askUsers(
      rooms.flatMap(({ id }) => peerOf(id, get().me?.id) ?? []),
    );
  }

  private loadNewest(roomId: RoomId, urgent = false): void {
    const { dispatch, get } = this.store;

    if (get().rooms[roomId]?.newest !== "ready") {
      dispatch({ type: "newest", roomId, status: "loading" });
    }

    this.queue.add(async () => {
      const { live } = this;
      const epoch = live?.epoch ?? 0;

      if (!live) {
        return;
      }

      try {
        const messages = await this.rest.messages(roomId, { size: NEWEST_SIZE });

        if (live !== this.live) {
          return;
        }

        this.deliver();
        this.firstTimeHere(roomId, messages);
        this.askNames(messages);
        dispatch({
          type: "newestPage",
          roomId,
          messages,
          complete: messages.length < NEWEST_SIZE,
        });
        live.track(roomId, messages[messages.length - 1]?.id, epoch);
        this.updateReading();
      } catch (error) {
        if (live === this.live) {
          this.failed(error);
          dispatch({ type: "newest", roomId, status: "failed" });
        }
      }
    }, urgent);
  }

  private firstTimeHere(roomId: RoomId, messages: Message[]): void {
    const newest = messages[messages.length - 1];

    if (this.newDevice && newest && this.store.get().rooms[roomId]?.lastRead === null) {
      this.store.dispatch({ type: "readElsewhere", roomId, position: newest.id });
    }
  }

  private transmit(me: WireMe, item: OutboxItem) {
    if (!this.live) {
      return Promise.reject(new Error("not connected"));
    }

    return this.live.send({
      roomId: item.roomId,
      message: item.text,
      from: me.id,
      date: Math.floor(item.createdAt / 1000),
      nonce: item.nonce,
    });
  }

  private confirmed(me: WireMe, item: OutboxItem, sent: Sent): void {
    this.store.dispatch({
      type: "sent",
      message: {
        id: sent.id,
        roomId: item.roomId,
        from: me.id,
        date: Math.floor(sent.date),
        text: item.text,
        nonce: item.nonce,
      },
    });
  }

  private async findSent(me: WireMe, item: OutboxItem): Promise<Sent | null> {
    let after = item.firstTry?.after ?? START;

    for (;;) {
      const page = await this.rest.messages(item.roomId, { after, size: FIND_SIZE });
      const found = page.find((m) => m.from === me.id && m.text === item.text);

      if (found || page.length < FIND_SIZE) {
        return found ? { id: found.id, date: found.date } : null;
      }

      after = page[page.length - 1]!.id;
    }
  }

  private newestPosition(roomId: RoomId): Position {
    const room = this.store.get().rooms[roomId];

    return (room && lastMessage(room)?.id) ?? START;
  }

  /* Messages that come in a burst are told to the store together. */
  private onMessage(me: WireMe, message: Message): void {
    this.incoming.push(message);
    this.incomingTimer ??= setTimeout(() => this.deliver(), 16);
    this.notify(me, message);
  }

  private deliver(): void {
    const messages = this.incoming;

    clearTimeout(this.incomingTimer);
    this.incomingTimer = undefined;
    this.incoming = [];

    if (messages.length === 0) {
      return;
    }

    for (const { roomId } of messages) {
      if (!this.store.get().rooms[roomId]) {
        this.addRooms([{ id: roomId, names: [] }]);
      }
    }

    this.askNames(messages);
    this.store.dispatch({ type: "received", messages });

    for (const { nonce } of messages) {
      if (nonce !== undefined) {
        this.outbox?.settle(nonce);
      }
    }
  }

  private notify(me: WireMe, message: Message): void {
    const { notifications, users } = this.store.get();

    if (
      notifications &&
      message.from !== me.id &&
      peerOf(message.roomId, me.id) !== null &&
      !this.env.isVisible()
    ) {
      const name = users[message.from]?.username ?? text.room.somebody(message.from);

      this.env.notifications.show(name, message.text, message.roomId);
    }
  }

  private askNames(messages: Message[]): void {
    this.askUsers(messages.map((message) => message.from));
  }

  private askUsers(ids: UserId[]): void {
    const { users } = this.store.get();
    const unknown = [...new Set(ids)].filter(
      (id) => !users[id] && !this.asked.has(id),
    );

    if (unknown.length === 0) {
      return;
    }

    unknown.forEach((id) => this.asked.add(id));

    this.rest
      .users(unknown)
      .then((found) => this.store.dispatch({ type: "users", users: found }))
      .catch((error: unknown) => {
        unknown.forEach((id) => this.asked.delete(id));
        this.failed(error);
      });
  }

  private tellPresence(userId: UserId, online: boolean): void {
    const key = ++this.counter;

    this.store.dispatch({ type: "note", note: { key, userId, online } });
    setTimeout(() => this.store.dispatch({ type: "noteGone", key }), NOTE_MS);
  }

  private updateReading(): void {
    const reading = this.atEnd && this.env.isVisible();

    if (reading !== this.store.get().reading) {
      this.store.dispatch({ type: "reading", reading });
    }
  }

  private saveRead(): void {
    const { rooms } = this.store.get();

    for (const room of Object.values(rooms)) {
      if (room.lastRead !== null && this.saved.get(room.id) !== room.lastRead) {
        this.saved.set(room.id, room.lastRead);
        this.storage?.set(READ + room.id, room.lastRead);
      }
    }
  }

  private changedElsewhere(key: string, value: string | null): void {
    const { me } = this.store.get();
    const prefix = `ngx-chat:${this.env.base.path}:${me?.id}:`;

    if (!key.startsWith(prefix)) {
      return;
    }

    const name = key.slice(prefix.length);

    if (name.startsWith(READ) && value !== null) {
      this.store.dispatch({
        type: "readElsewhere",
        roomId: name.slice(READ.length),
        position: value,
      });
    } else if (value === null) {
      this.outbox?.removedElsewhere(name);
    }
  }

  private notice(kind: Notice["kind"], words: string): void;
  private notice(kind: null): void;
  private notice(kind: Notice["kind"] | null, words = ""): void {
    this.store.dispatch({
      type: "notice",
      notice: kind && { key: ++this.counter, kind, text: words },
    });
  }
}

function pairId(a: UserId, b: UserId): RoomId {
  return Number(a) < Number(b) ? `${a}:${b}` : `${b}:${a}`;
}

function loadDrafts(storage: KeyValue): Record<RoomId, string> {
  const drafts: Record<RoomId, string> = {};

  for (const key of storage.keys()) {
    if (key.startsWith(DRAFT)) {
      drafts[key.slice(DRAFT.length)] = storage.get(key) ?? "";
    }
  }

  return drafts;
}
