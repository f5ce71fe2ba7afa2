/*
 * What the client knows, in one tree that only state/reducer.ts changes.
 */

import type { Message } from "../transport/normalise";
import type { LinkStatus } from "../transport/live";
import type { OutboxItem } from "../transport/outbox";
import type { Position, RoomId, UserId, WireLinks, WireMe, WireUser } from "../wire";

export type Loading = "idle" | "loading" | "ready" | "failed";

export interface Room {
  id: RoomId;
  names: string[];
  /** In order of position, without holes, from some point to the newest. */
  messages: Message[];
  /** The newest page. */
  newest: Loading;
  /** Older pages; "ready" once the first message ever is there. */
  older: Loading;
  unread: number;
  /** There may be more unread messages than are loaded. */
  unreadMore: boolean;
  lastRead: Position | null;
  /** Where the line "new messages" is: behind this position. */
  lineAfter: Position | null;
  /** Deleted of late: what is still on its way is not to bring them back. */
  deleted: Position[];
}

export interface PresenceNote {
  key: number;
  userId: UserId;
  online: boolean;
}

/** Something to tell once, at the edge of the screen. */
export interface Notice {
  key: number;
  /** A welcome goes by itself; the others wait to be read. */
  kind: "welcome" | "account" | "loggedOut" | "failed";
  text: string;
}

export type Phase = "starting" | "unreachable" | "out" | "in";

export interface State {
  phase: Phase;
  me: WireMe | null;
  /** The site says who somebody is: the chat has no log-in of its own. */
  bySite: boolean;
  links: WireLinks;
  users: Record<UserId, WireUser>;
  rooms: Record<RoomId, Room>;
  roomList: Loading;
  people: Loading;
  current: RoomId | null;
  /** The person looks at the end of the open room's messages. */
  reading: boolean;
  outbox: OutboxItem[];
  drafts: Record<RoomId, string>;
  link: LinkStatus;
  /** Back after a loss, for a moment. */
  linkRestored: boolean;
  notes: PresenceNote[];
  notice: Notice | null;
  notifications: boolean;
}

export const GENERAL: RoomId = "0";

export const initialState: State = {
  phase: "starting",
  me: null,
  bySite: false,
  links: {},
  users: {},
  rooms: {},
  roomList: "idle",
  people: "idle",
  current: null,
  reading: false,
  outbox: [],
  drafts: {},
  link: "connecting",
  linkRestored: false,
  notes: [],
  notice: null,
  notifications: false,
};

export type Action =
  | { type: "phase"; phase: Phase }
  | { type: "bySite"; bySite: boolean }
  | { type: "links"; links: WireLinks }
  | {
      type: "entered";
      me: WireMe;
      outbox: OutboxItem[];
      drafts: Record<RoomId, string>;
      notifications: boolean;
    }
  | { type: "left" }
  | { type: "roomList"; status: Loading }
  | {
      type: "rooms";
      rooms: { id: RoomId; names: string[]; lastRead: Position | null }[];
    }
  | { type: "people"; status: Loading }
  | { type: "online"; users: WireUser[] }
  | { type: "users"; users: WireUser[] }
  | { type: "presence"; user: WireUser }
  | { type: "newest"; roomId: RoomId; status: Loading }
  | { type: "newestPage"; roomId: RoomId; messages: Message[]; complete: boolean }
  | { type: "older"; roomId: RoomId; status: Loading }
  | { type: "olderPage"; roomId: RoomId; messages: Message[]; complete: boolean }
  | { type: "received"; messages: Message[] }
  | { type: "sent"; message: Message }
  | { type: "deleted"; roomId: RoomId; id: Position }
  | { type: "outbox"; items: OutboxItem[] }
  | { type: "open"; roomId: RoomId | null }
  | { type: "reading"; reading: boolean }
  | { type: "readElsewhere"; roomId: RoomId; position: Position }
  | { type: "draft"; roomId: RoomId; text: string }
  | { type: "link"; status: LinkStatus }
  | { type: "linkRestored"; restored: boolean }
  | { type: "note"; note: PresenceNote }
  | { type: "noteGone"; key: number }
  | { type: "notice"; notice: Notice | null }
  | { type: "notifications"; on: boolean };
