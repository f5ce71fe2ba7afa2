/*
 * Everything that goes over the wire, as the server's contract has it.
 * Ids of users, rooms and positions are strings here; other servers that
 * share the store may send numbers, which transport/normalise.ts evens out.
 */

export type UserId = string;
export type RoomId = string;

/** A message's place in its room: a decimal number, written as a string. */
export type Position = string;

export interface WireMe {
  id: UserId;
  username: string;
}

export interface WireUser {
  id: UserId;
  username: string;
  online: boolean;
}

export type WireUsers = Record<UserId, WireUser>;

export interface WireRoom {
  id: RoomId;
  names: string[];
}

export interface WireMessage {
  id?: Position | number;
  from: UserId | number;
  date: number;
  message: string;
  roomId?: RoomId | number;
  /** Only in what the sender's own sockets get. */
  nonce?: string;
}

export interface WireDeleted {
  id: Position;
  roomId: RoomId;
}

export interface WireError {
  message: string;
}

export interface WireLinks {
  github?: string;
  demoUsers?: string[];
}

export interface WireOutgoing {
  roomId: RoomId;
  message: string;
  from: UserId;
  date: number;
  nonce: string;
}

export type SendAck =
  { ok: true; id: Position; date: number } | { error: string; retry?: boolean };

export type JoinAck =
  { ok: true; id?: RoomId; last?: Position; gap?: boolean } | { error: string };

export interface ServerEvents {
  message: (message: WireMessage) => void;
  "message.deleted": (message: WireDeleted) => void;
  "user.connected": (user: WireUser) => void;
  "user.disconnected": (user: WireUser) => void;
  "show.room": (room: WireRoom) => void;
}

export interface ClientEvents {
  message: (message: WireOutgoing, ack: (reply: SendAck) => void) => void;
  "room.join": (
    id: RoomId,
    options: { after: Position },
    ack: (reply: JoinAck) => void,
  ) => void;
}
