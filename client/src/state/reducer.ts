/*
 * (state, action) -> state, without side effects.  What an action means
 * for unread counts and the line above new messages is decided here.
 */

import { comparePositions } from "../transport/position";
import type { Message } from "../transport/normalise";
import type { Position, RoomId, UserId } from "../wire";
import { mergeMessages } from "./merge";
import { initialState, type Action, type Room, type State } from "./types";

const DELETED_KEPT = 100;

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "phase":
      return { ...state, phase: action.phase };

    case "bySite":
      return { ...state, bySite: action.bySite };

    case "links":
      return { ...state, links: action.links };

    case "entered":
      return {
        ...initialState,
        bySite: state.bySite,
        links: state.links,
        notice: state.notice,
        current: state.current,
        phase: "in",
        me: action.me,
        outbox: action.outbox,
        drafts: action.drafts,
        notifications: action.notifications,
        users: { [action.me.id]: { ...action.me, online: true } },
      };

    case "left":
      return {
        ...initialState,
        bySite: state.bySite,
        links: state.links,
        notice: state.notice,
        phase: "out",
      };

    case "roomList":
      return { ...state, roomList: action.status };

    case "rooms":
      return { ...state, rooms: addRooms(state.rooms, action.rooms) };

    case "people":
      return { ...state, people: action.status };

    case "online":
      return { ...state, people: "ready", users: replaceOnline(state, action.users) };

    case "users":
      return { ...state, users: addUsers(state.users, action.users) };

    case "presence":
      return { ...state, users: { ...state.users, [action.user.id]: action.user } };

    case "newest":
      return withRoom(state, action.roomId, (room) => ({
        ...room,
        newest: action.status,
      }));

    case "newestPage":
      return withRoom(state, action.roomId, (room) =>
        newestPage(state, room, action.messages, action.complete),
      );

    case "older":
      return withRoom(state, action.roomId, (room) => ({
        ...room,
        older: action.status,
      }));

    case "olderPage":
      return withRoom(state, action.roomId, (room) =>
        recount(state, {
          ...room,
          messages: mergeMessages(room.messages, action.messages),
          older: action.complete ? "ready" : "idle",
        }),
      );

    case "received":
      return received(state, action.messages);

    case "sent":
      return withRoom(
        received(state, [action.message]),
        action.message.roomId,
        (room) => (room.lineAfter === null ? room : { ...room, lineAfter: null }),
      );

    case "deleted":
      return withRoom(state, action.roomId, (room) =>
        recount(state, {
          ...room,
          deleted: [...room.deleted, action.id].slice(-DELETED_KEPT),
        }),
      );

    case "outbox":
      return { ...state, outbox: action.items };

    case "open":
      return open(state, action.roomId);

    case "reading":
      return { ...markRead({ ...state, reading: action.reading }) };

    case "readElsewhere":
      return withRoom(state, action.roomId, (room) =>
        recount(state, { ...room, lastRead: later(room.lastRead, action.position) }),
      );

    case "draft":
      return { ...state, drafts: withDraft(state.drafts, action.roomId, action.text) };

    case "link":
      return { ...state, link: action.status };

    case "linkRestored":
      return { ...state, linkRestored: action.restored };

    case "note":
      return { ...state, notes: [...state.notes, action.note].slice(-20) };

    case "noteGone":
      return { ...state, notes: state.notes.filter((n) => n.key !== action.key) };

    case "notice":
      return { ...state, notice: action.notice };

    case "notifications":
      return { ...state, notifications: action.on };
  }
}

function withRoom(state: State, id: RoomId, change: (room: Room) => Room): State {
  const room = state.rooms[id];

  if (!room) {
    return state;
  }

  const next = change(room);

  return next === room ? state : { ...state, rooms: { ...state.rooms, [id]: next } };
}

function addRooms(
  present: State["rooms"],
  added: { id: RoomId; names: string[]; lastRead: Position | null }[],
): State["rooms"] {
  const rooms = { ...present };

  for (const { id, names, lastRead } of added) {
    const known = rooms[id];

    if (known) {
      /* A room may be known by a message before its names are. */
      rooms[id] = known.names.length > 0 ? known : { ...known, names };
      continue;
    }

    rooms[id] = {
      id,
      names,
      messages: [],
      newest: "idle",
      older: "idle",
      unread: 0,
      unreadMore: false,
      lastRead,
      lineAfter: null,
      deleted: [],
    };
  }

  return rooms;
}

function addUsers(present: State["users"], added: State["users"][UserId][]) {
  const users = { ...present };

  for (const user of added) {
    users[user.id] = user;
  }

  return users;
}

/* The list of who is online is complete: whoever isn't in it is away. */
function replaceOnline(state: State, online: State["users"][UserId][]) {
  const users: State["users"] = {};

  for (const user of Object.values(state.users)) {
    users[user.id] = user.online ? { ...user, online: false } : user;
  }

  for (const user of online) {
    users[user.id] = user;
  }

  if (state.me) {
    users[state.me.id] = { ...state.me, online: true };
  }

  return users;
}

/*
 * A newest page may lie behind a hole, when more was said in between than it
 * holds.  Then what was there is dropped: scrolling up brings it back.
 */
function newestPage(
  state: State,
  room: Room,
  page: Message[],
  complete: boolean,
): Room {
  const first = page[0];
  const newest = room.messages[room.messages.length - 1];
  let present = room.messages;
  let older = room.older;

  if (first && newest && !complete) {
    if (comparePositions(first.id, newest.id) > 0) {
      present = [];
      older = "idle";
    } else if (room.newest !== "ready") {
      /* Only live messages so far, perhaps from several connections. */
      present = present.filter((m) => comparePositions(m.id, first.id) >= 0);
    }
  }

  return recount(state, {
    ...room,
    messages: mergeMessages(present, page),
    newest: "ready",
    older: complete ? "ready" : older,
  });
}

function received(state: State, messages: Message[]): State {
  const byRoom = new Map<RoomId, Message[]>();

  for (const message of messages) {
    const list = byRoom.get(message.roomId);

    if (list) {
      list.push(message);
    } else {
      byRoom.set(message.roomId, [message]);
    }
  }

  let next = state;

  for (const [roomId, list] of byRoom) {
    next = withRoom(next, roomId, (room) => {
      const merged = mergeMessages(room.messages, list);

      return merged === room.messages
        ? room
        : recount(state, { ...room, messages: merged });
    });
  }

  return markRead(next);
}

function withoutDeleted(room: Room): Room {
  const isDeleted = ({ id }: Message) =>
    room.deleted.some((position) => comparePositions(position, id) === 0);

  return room.deleted.length > 0 && room.messages.some(isDeleted)
    ? { ...room, messages: room.messages.filter((m) => !isDeleted(m)) }
    : room;
}

/*
 * Unread is what others said behind lastRead and behind one's own last
 * words.  Only the end of the list is looked at.
 */
function recount(state: State, changed: Room): Room {
  const room = withoutDeleted(changed);
  const { messages, lastRead } = room;
  let unread = 0;
  let i = messages.length - 1;

  for (; i >= 0; i--) {
    const message = messages[i]!;

    if (
      message.from === state.me?.id ||
      (lastRead !== null && comparePositions(message.id, lastRead) <= 0)
    ) {
      break;
    }

    unread++;
  }

  const unreadMore = i < 0 && unread > 0 && room.older !== "ready";
  const counted = { ...room, unread, unreadMore };

  if (unread > 0 && counted.lineAfter === null && state.current === room.id) {
    /* Something came while the person wasn't looking at the end. */
    counted.lineAfter = state.reading ? null : lineFor(counted);
  }

  return counted;
}

function lineFor(room: Room): Position | null {
  if (room.unread === 0) {
    return null;
  }

  const before = room.messages[room.messages.length - room.unread - 1];

  return before?.id ?? room.lastRead ?? "0";
}

function open(state: State, roomId: RoomId | null): State {
  if (roomId === state.current) {
    return state;
  }

  let next: State = { ...state, current: roomId, reading: false };

  if (state.current !== null) {
    next = withRoom(next, state.current, (room) =>
      room.lineAfter === null ? room : { ...room, lineAfter: null },
    );
  }

  if (roomId !== null) {
    next = withRoom(next, roomId, (room) => ({ ...room, lineAfter: lineFor(room) }));
  }

  return next;
}

/* While the person looks at the end of the open room, all of it is read. */
function markRead(state: State): State {
  if (!state.reading || state.current === null) {
    return state;
  }

  return withRoom(state, state.current, (room) => {
    const newest = room.messages[room.messages.length - 1];

    if (!newest || room.newest !== "ready") {
      return room;
    }

    const lastRead = later(room.lastRead, newest.id);

    return room.unread === 0 && lastRead === room.lastRead
      ? room
      : { ...room, unread: 0, unreadMore: false, lastRead };
  });
}

function later(a: Position | null, b: Position): Position {
  return a !== null && comparePositions(a, b) >= 0 ? a : b;
}

function withDraft(drafts: State["drafts"], roomId: RoomId, text: string) {
  const next = { ...drafts };

  if (text === "") {
    delete next[roomId];
  } else {
    next[roomId] = text;
  }

  return next;
}
