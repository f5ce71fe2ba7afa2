/*
 * Answers to questions that several parts of the view ask of the state.
 */

import { comparePositions } from "../transport/position";
import type { Message } from "../transport/normalise";
import type { OutboxItem } from "../transport/outbox";
import type { RoomId, UserId, WireUser } from "../wire";
import { GENERAL, type Room, type State } from "./types";

/** The other one of a private room; null for General and named rooms. */
export function peerOf(roomId: RoomId, me: UserId | undefined): UserId | null {
  const pair = /^(\d+):(\d+)$/.exec(roomId);

  if (!pair) {
    return null;
  }

  return pair[1] === me ? pair[2]! : pair[1]!;
}

export function roomTitle(state: State, room: Room): string {
  const peer = peerOf(room.id, state.me?.id);

  if (peer === null) {
    return room.names[0] ?? "";
  }

  return (
    state.users[peer]?.username ??
    room.names.find((name) => name !== state.me?.username) ??
    room.names[0] ??
    ""
  );
}

export function lastMessage(room: Room): Message | undefined {
  return room.messages[room.messages.length - 1];
}

/** Rooms for the list: General first, then by activity. */
export function sortedRooms(state: State): Room[] {
  const waiting = new Map<RoomId, number>();

  for (const item of state.outbox) {
    waiting.set(item.roomId, item.createdAt / 1000);
  }

  const activity = (room: Room) =>
    Math.max(Number(lastMessage(room)?.id ?? 0), waiting.get(room.id) ?? 0);

  return Object.values(state.rooms)
    .filter((room) => isListed(state, room))
    .sort((a, b) => {
      if (a.id === GENERAL || b.id === GENERAL) {
        return a.id === GENERAL ? -1 : 1;
      }

      return activity(b) - activity(a) || comparePositions(a.id, b.id) || 0;
    });
}

/* A private room that nobody has said anything in is no conversation yet. */
function isListed(state: State, room: Room): boolean {
  return (
    peerOf(room.id, state.me?.id) === null ||
    room.messages.length > 0 ||
    room.newest !== "ready" ||
    room.id === state.current ||
    state.drafts[room.id] !== undefined ||
    state.outbox.some((item) => item.roomId === room.id)
  );
}

/** Nothing is known of others while our own connection is lost. */
export function isOnline(state: State, userId: UserId | null): boolean {
  return userId !== null && state.link !== "lost" && !!state.users[userId]?.online;
}

export function onlinePeople(state: State): WireUser[] {
  return Object.values(state.users)
    .filter((user) => user.online && user.id !== state.me?.id)
    .sort((a, b) => a.username.localeCompare(b.username));
}

export function totalUnread(state: State): number {
  return Object.values(state.rooms).reduce((sum, room) => sum + room.unread, 0);
}

export function waitingIn(outbox: OutboxItem[], roomId: RoomId): OutboxItem[] {
  return outbox.filter((item) => item.roomId === roomId);
}
