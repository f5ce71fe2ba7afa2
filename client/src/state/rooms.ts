/*
 * The rooms and their messages, as far as they come by REST: the list, each
 * room's newest page, and older pages as the person scrolls up.
 */

import type { Live } from "../transport/live";
import type { Message } from "../transport/normalise";
import type { KeyValue } from "../transport/storage";
import type { Position, RoomId, WireMe, WireRoom } from "../wire";
import type { People } from "./people";
import { Queue } from "../transport/queue";
import { peerOf } from "./selectors";
import type { SessionContext } from "./session";

const NEWEST_SIZE = 30;
const OLDER_SIZE = 50;
const LOADS_AT_ONCE = 4;
const READ = "read:";

export class Rooms {
  private readonly queue = new Queue(LOADS_AT_ONCE);
  private readonly saved = new Map<RoomId, Position>();
  /** The connection in which findDeleted() has looked at a room. */
  private readonly checked = new Map<RoomId, number>();
  private readonly newDevice: boolean;
  /**
   * Rooms that were there when this person first came to this device, where
   * nothing is known of what they have read elsewhere: all of it counts.
   */
  private oldRooms: Set<RoomId> | null = null;

  constructor(
    private readonly context: SessionContext,
    private readonly storage: KeyValue,
    private readonly me: WireMe,
    private readonly live: Live,
    private readonly people: People,
    private readonly onLoaded: () => void,
  ) {
    this.newDevice = !storage.keys().some((key) => key.startsWith(READ));
  }

  async load(): Promise<void> {
    const { rest, store } = this.context;
    const { dispatch, get } = store;

    if (get().roomList !== "ready") {
      dispatch({ type: "roomList", status: "loading" });
    }

    try {
      const rooms = await rest.rooms(this.me.id);

      if (this.context.closed()) {
        return;
      }

      if (this.newDevice) {
        this.oldRooms ??= new Set(rooms.map((room) => room.id));
      }

      this.add(rooms);
      dispatch({ type: "roomList", status: "ready" });
    } catch (error) {
      if (!this.context.failed(error) && get().roomList !== "ready") {
        dispatch({ type: "roomList", status: "failed" });
      }
    }
  }

  add(rooms: WireRoom[]): void {
    const { dispatch, get } = this.context.store;

    dispatch({
      type: "rooms",
      rooms: rooms.map((room) => ({
        ...room,
        lastRead: this.storage.get(READ + room.id),
      })),
    });

    for (const { id } of rooms) {
      if (get().rooms[id]?.newest === "idle") {
        this.loadNewest(id, id === get().current);
      }
    }

    void this.people.ask(rooms.flatMap(({ id }) => peerOf(id, this.me.id) ?? []));
  }

  /** After a reconnect: what couldn't be loaded before. */
  retryFailed(): void {
    for (const room of Object.values(this.context.store.get().rooms)) {
      if (room.newest === "failed") {
        this.loadNewest(room.id);
      }
    }
  }

  loadNewest(roomId: RoomId, urgent = false): void {
    const { dispatch, get } = this.context.store;

    if (get().rooms[roomId]?.newest !== "ready") {
      dispatch({ type: "newest", roomId, status: "loading" });
    }

    this.queue.add(() => this.fetchNewest(roomId), urgent);
  }

  async loadOlder(roomId: RoomId): Promise<void> {
    const { rest, store } = this.context;
    const { dispatch, get } = store;
    const room = get().rooms[roomId];
    const first = room?.messages[0];

    if (!first || room.older === "loading" || room.older === "ready") {
      return;
    }

    dispatch({ type: "older", roomId, status: "loading" });

    try {
      const messages = await rest.messages(roomId, {
        before: first.id,
        size: OLDER_SIZE,
      });

      if (this.context.closed()) {
        return;
      }

      this.people.askFor(messages);
      dispatch({
        type: "olderPage",
        roomId,
        messages,
        complete: messages.length < OLDER_SIZE,
      });
    } catch (error) {
      if (!this.context.failed(error)) {
        dispatch({ type: "older", roomId, status: "failed" });
      }
    }
  }

  /** Keeps what has been read, for the next visit and for other tabs. */
  saveRead(): void {
    for (const { id, lastRead } of Object.values(this.context.store.get().rooms)) {
      if (lastRead !== null && this.saved.get(id) !== lastRead) {
        this.saved.set(id, lastRead);
        this.storage.set(READ + id, lastRead);
      }
    }
  }

  readElsewhere(key: string, position: Position): void {
    if (key.startsWith(READ)) {
      this.context.store.dispatch({
        type: "readElsewhere",
        roomId: key.slice(READ.length),
        position,
      });
    }
  }

  /*
   * Once in each connection but the first: which of the newest messages were
   * deleted while there was none.  Only what was there before is looked at.
   */
  async findDeleted(roomId: RoomId): Promise<void> {
    const { rest, store } = this.context;
    const { epoch } = this.live;
    const known = store.get().rooms[roomId]?.messages ?? [];

    if (epoch < 2 || this.checked.get(roomId) === epoch || known.length === 0) {
      return;
    }

    this.checked.set(roomId, epoch);

    try {
      const page = await rest.messages(roomId, { size: NEWEST_SIZE });
      const there = new Set(page.map(({ id }) => Number(id)));
      const from = page.length < NEWEST_SIZE ? 0 : Number(page[0]!.id);

      for (const { id } of known) {
        if (!this.context.closed() && Number(id) >= from && !there.has(Number(id))) {
          store.dispatch({ type: "deleted", roomId, id });
        }
      }
    } catch (error) {
      if (!this.context.failed(error)) {
        this.checked.delete(roomId);
      }
    }
  }

  private async fetchNewest(roomId: RoomId): Promise<void> {
    const { rest, store } = this.context;

    if (this.context.closed()) {
      return;
    }

    const { epoch } = this.live;

    try {
      const messages = await rest.messages(roomId, { size: NEWEST_SIZE });

      if (this.context.closed()) {
        return;
      }

      this.onLoaded();
      this.firstTimeHere(roomId, messages);
      this.people.askFor(messages);
      store.dispatch({
        type: "newestPage",
        roomId,
        messages,
        complete: messages.length < NEWEST_SIZE,
      });
      this.live.track(roomId, messages[messages.length - 1]?.id, epoch);
    } catch (error) {
      if (!this.context.failed(error)) {
        store.dispatch({ type: "newest", roomId, status: "failed" });
      }
    }
  }

  private firstTimeHere(roomId: RoomId, messages: Message[]): void {
    const { dispatch, get } = this.context.store;
    const newest = messages[messages.length - 1];

    if (
      newest &&
      get().rooms[roomId]?.lastRead === null &&
      this.oldRooms?.has(roomId)
    ) {
      dispatch({ type: "readElsewhere", roomId, position: newest.id });
    }
  }
}
