/*
 * The routes below /admin/, as the server's reference has them.
 */

import { Rest } from "../transport/rest";
import type { Position, RoomId, UserId } from "../wire";

export interface Connection {
  transport: "websocket" | "polling" | "sse";
  /** Null where the server doesn't keep it. */
  seconds: number | null;
  address: string | null;
  /** Tells the log-ins of a user apart. */
  session: string;
}

export interface OnlineUser {
  id: UserId;
  username: string;
  /** How many connections there are; of many, not all are listed. */
  count: number;
  connections: Connection[];
}

interface Paged {
  /** Workers that didn't answer in time. */
  missing: number;
  next: string | null;
}

export interface UsersPage extends Paged {
  users: OnlineUser[];
  online: number;
}

export interface AdminRoom {
  id: RoomId;
  name: string;
  members: number;
  messages: number;
}

export interface RoomsPage extends Paged {
  rooms: AdminRoom[];
}

export interface Restriction {
  id: UserId;
  username: string;
  kind: "mute" | "ban";
  /** Null: for ever. */
  seconds: number | null;
}

export interface Status {
  total: Record<string, number | Record<string, number>>;
}

export type Act = "kick" | "revoke" | "mute" | "unmute" | "ban" | "unban";

const query = (after: string | null) =>
  after === null ? "" : `?after=${encodeURIComponent(after)}`;

export class AdminApi extends Rest {
  status(): Promise<Status> {
    return this.json("GET", "admin/status");
  }

  usersOnline(after: string | null): Promise<UsersPage> {
    return this.json("GET", `admin/users${query(after)}`);
  }

  async userNamed(name: string): Promise<OnlineUser | undefined> {
    const path = `admin/users?name=${encodeURIComponent(name)}`;

    return (await this.json<UsersPage>("GET", path)).users[0];
  }

  roomsHere(after: string | null): Promise<RoomsPage> {
    return this.json("GET", `admin/rooms${query(after)}`);
  }

  async restricted(): Promise<Restriction[]> {
    const reply = await this.json<{ restricted: Restriction[] }>(
      "GET",
      "admin/restricted",
    );

    return reply.restricted;
  }

  async act(act: Act, user: UserId, seconds?: number | null): Promise<void> {
    await this.json("POST", `admin/${act}`, {
      user,
      ...(seconds === undefined ? {} : { seconds }),
    });
  }

  async deleteMessage(roomId: RoomId, id: Position): Promise<void> {
    await this.json("POST", "admin/delete", { roomId, id });
  }
}
