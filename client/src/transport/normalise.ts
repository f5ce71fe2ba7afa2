/*
 * Turns wire shapes into the client's own, forgiving what other servers on
 * the same store do differently: numbers for ids, dates with fractions.
 */

import type {
  Position,
  RoomId,
  UserId,
  WireMessage,
  WireRoom,
  WireUser,
  WireUsers,
} from "../wire";

export interface Message {
  id: Position;
  roomId: RoomId;
  from: UserId;
  /** Seconds since 1970. */
  date: number;
  text: string;
  nonce?: string;
}

export function toMessage(wire: WireMessage, roomId?: RoomId): Message {
  const message: Message = {
    id: String(wire.id ?? wire.date),
    roomId: String(wire.roomId ?? roomId ?? "0"),
    from: String(wire.from),
    date: Math.floor(Number(wire.date)),
    text: String(wire.message),
  };

  if (wire.nonce !== undefined) {
    message.nonce = wire.nonce;
  }

  return message;
}

export function toUser(wire: WireUser): WireUser {
  return {
    id: String(wire.id),
    username: String(wire.username),
    online: Boolean(wire.online),
  };
}

export function toUsers(wire: WireUsers): WireUser[] {
  return Object.values(wire).map(toUser);
}

export function toRoom(wire: WireRoom): WireRoom {
  return { id: String(wire.id), names: wire.names.flat().map(String) };
}
