/*
 * The live side: one Socket.IO connection, and for every room how far its
 * messages have been seen, so that after a reconnect the server can be asked
 * for what was missed.
 *
 * A room's position only moves on what was received in one piece with what
 * was there before: while a room is being caught up, live messages may be
 * ahead of the missed ones, and are counted only once the server has said
 * that the gap is closed.  A connection that breaks in between then asks
 * again from the old position.
 */

import { io, type Socket } from "socket.io-client";

import type {
  ClientEvents,
  JoinAck,
  Position,
  RoomId,
  SendAck,
  ServerEvents,
  WireDeleted,
  WireOutgoing,
  WireRoom,
  WireUser,
} from "../wire";
import type { Base } from "./base";
import { toMessage, toRoom, toUser, type Message } from "./normalise";
import { laterPosition, START } from "./position";
import { Queue } from "./queue";

const ACK_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** The server bounds how many rooms one connection catches up at once. */
const JOINS_AT_ONCE = 32;
const JOIN_TRIES = 6;
const JOIN_PAUSE_MS = 1_000;

export type LinkStatus = "connecting" | "online" | "lost";

export interface LiveHandlers {
  /** `first` is true for the first connection only. */
  onOnline(first: boolean): void;
  onLost(): void;
  onMessage(message: Message): void;
  onDeleted(message: WireDeleted): void;
  onPresence(user: WireUser): void;
  onRoom(room: WireRoom): void;
  /** What was missed is no longer all there: the room must be read anew. */
  onGap(roomId: RoomId): void;
  /** The server doesn't want us as we are: no session, or not now. */
  onRefused(): void;
}

interface Track {
  position: Position;
  caughtUp: boolean;
  /** The newest live message while the room is not caught up. */
  ahead?: Position;
}

export type LiveSocket = Socket<ServerEvents, ClientEvents>;

export class Live {
  private readonly tracks = new Map<RoomId, Track>();
  /** The newest message since the connection was made, of any room. */
  private readonly newest = new Map<RoomId, Position>();
  private readonly socket: LiveSocket;
  private joins = new Queue(JOINS_AT_ONCE);
  private connections = 0;

  constructor(
    base: Base,
    private readonly handlers: LiveHandlers,
    options: object = {},
  ) {
    this.socket = io(base.origin, {
      path: `${base.path}socket.io/`,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5_000,
      timeout: CONNECT_TIMEOUT_MS,
      autoConnect: false,
      forceNew: true,
      ...options,
    });

    this.socket.on("connect", () => this.onConnect());
    this.socket.on("disconnect", (reason) => this.onDisconnect(reason));
    this.socket.on("connect_error", () => {
      if (this.socket.active) {
        this.handlers.onLost();
      } else {
        this.handlers.onRefused();
      }
    });
    this.socket.on("message", (wire) => this.onMessage(toMessage(wire)));
    this.socket.on("message.deleted", (message) => handlers.onDeleted(message));
    this.socket.on("user.connected", (user) =>
      handlers.onPresence({ ...toUser(user), online: true }),
    );
    this.socket.on("user.disconnected", (user) =>
      handlers.onPresence({ ...toUser(user), online: false }),
    );
    this.socket.on("show.room", (room) => handlers.onRoom(toRoom(room)));
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  /** Counts connections; tells apart what was fetched before and after one. */
  get epoch(): number {
    return this.connected ? this.connections : 0;
  }

  connect(): void {
    this.socket.connect();
  }

  /** Tries at once instead of at the end of the current pause. */
  reconnectNow(): void {
    if (!this.socket.connected) {
      this.socket.disconnect().connect();
    }
  }

  /*
   * The transport goes first: the server may have closed it already, when a
   * log-out has ended the session, and saying good-bye would be an error.
   */
  close(): void {
    this.socket.removeAllListeners();
    this.socket.io.engine?.close();
    this.socket.disconnect();
  }

  /**
   * Says up to where a room has been read by REST.  `epoch` is the epoch in
   * which that request was begun: what was said between a request and a
   * later connection has to be asked for.
   */
  track(roomId: RoomId, newest: Position | undefined, epoch: number): void {
    const current = epoch !== 0 && epoch === this.epoch;
    const position = newest ?? START;

    if (current) {
      this.tracks.set(roomId, {
        position: laterPosition(position, this.newest.get(roomId)) ?? position,
        caughtUp: true,
      });
      return;
    }

    this.tracks.set(roomId, { position, caughtUp: false });

    if (this.connected) {
      this.resume(roomId);
    }
  }

  /** Rejects when the connection goes, or no answer comes in time. */
  send(message: WireOutgoing): Promise<SendAck> {
    if (!this.connected) {
      return Promise.reject(new Error("not connected"));
    }

    return this.socket.timeout(ACK_TIMEOUT_MS).emitWithAck("message", message);
  }

  private onConnect(): void {
    this.connections++;
    this.newest.clear();
    this.joins = new Queue(JOINS_AT_ONCE);

    for (const [roomId, track] of this.tracks) {
      track.caughtUp = false;
      delete track.ahead;
      this.resume(roomId);
    }

    this.handlers.onOnline(this.connections === 1);
  }

  private onDisconnect(reason: string): void {
    this.handlers.onLost();

    if (reason === "io server disconnect") {
      this.handlers.onRefused();
    }
  }

  private onMessage(message: Message): void {
    const { id, roomId } = message;
    const track = this.tracks.get(roomId);

    this.newest.set(roomId, laterPosition(this.newest.get(roomId), id) ?? id);

    if (track?.caughtUp) {
      track.position = laterPosition(track.position, id) ?? id;
    } else if (track) {
      track.ahead = laterPosition(track.ahead, id) ?? id;
    }

    this.handlers.onMessage(message);
  }

  private resume(roomId: RoomId): void {
    const { epoch } = this;

    this.joins.add(async () => {
      for (let tries = 0; tries < JOIN_TRIES && this.epoch === epoch; tries++) {
        if (await this.join(roomId, epoch)) {
          return;
        }

        await new Promise((done) => setTimeout(done, JOIN_PAUSE_MS * 2 ** tries));
      }
    });
  }

  /*
   * Asks for what a room has behind its position.  Returns false when that
   * should be tried again: an error may mean that the server can't just now,
   * or that we are not, or no longer, in that room.
   */
  private async join(roomId: RoomId, epoch: number): Promise<boolean> {
    const track = this.tracks.get(roomId);
    let ack: JoinAck;

    if (!track || track.caughtUp || this.epoch !== epoch) {
      return true;
    }

    try {
      ack = await this.socket
        .timeout(ACK_TIMEOUT_MS)
        .emitWithAck("room.join", roomId, { after: track.position });
    } catch {
      return false;
    }

    if (this.epoch !== epoch || this.tracks.get(roomId) !== track) {
      return true;
    }

    if ("error" in ack) {
      return false;
    }

    if (ack.gap) {
      this.handlers.onGap(roomId);
    } else {
      track.caughtUp = true;
      track.position = laterPosition(track.position, track.ahead) ?? START;
    }

    return true;
  }
}
