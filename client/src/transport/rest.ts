/*
 * The REST side: one method for each route, nothing remembered.
 */

import type {
  Position,
  RoomId,
  UserId,
  WireError,
  WireLinks,
  WireMe,
  WireMessage,
  WireRoom,
  WireUser,
  WireUsers,
} from "../wire";
import type { Base } from "./base";
import { ApiError } from "./errors";
import { toMessage, toRoom, toUsers, type Message } from "./normalise";

const TIMEOUT_MS = 15_000;
const IDS_PER_REQUEST = 100;

export interface Page {
  before?: Position;
  after?: Position;
  size: number;
}

export interface Identity {
  me: WireMe | null;
  /** The site says who somebody is: the chat has no log-in of its own. */
  bySite: boolean;
}

export class Rest {
  constructor(
    private readonly base: Base,
    private readonly fetcher: typeof fetch,
  ) {}

  async identity(): Promise<Identity> {
    const response = await this.request("GET", "me");
    const me = await parse<WireMe | null>(response);

    return {
      me: me && { id: String(me.id), username: me.username },
      bySite: response.headers.get("Chat-Login") === "off",
    };
  }

  async login(
    username: string,
    password: string,
  ): Promise<{ me: WireMe; created: boolean }> {
    const response = await this.request("POST", "login", { username, password });
    const me = await parse<WireMe>(response);

    return {
      me: { id: String(me.id), username: me.username },
      created: response.status === 201,
    };
  }

  async logout(everywhere: boolean): Promise<void> {
    await this.request("POST", "logout", everywhere ? { everywhere } : {});
  }

  async links(): Promise<WireLinks> {
    return this.json<WireLinks>("GET", "links");
  }

  async randomName(): Promise<string> {
    return (await this.request("GET", "randomname")).text();
  }

  /** Ids that don't exist are missing in the answer. */
  async users(ids: UserId[]): Promise<WireUser[]> {
    const found: WireUser[] = [];

    for (let i = 0; i < ids.length; i += IDS_PER_REQUEST) {
      const query = ids
        .slice(i, i + IDS_PER_REQUEST)
        .map((id) => `ids[]=${encodeURIComponent(id)}`)
        .join("&");

      found.push(...toUsers(await this.json<WireUsers>("GET", `users?${query}`)));
    }

    return found;
  }

  async online(after?: UserId): Promise<WireUser[]> {
    const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;

    return toUsers(await this.json<WireUsers>("GET", `users/online${query}`));
  }

  async rooms(userId: UserId): Promise<WireRoom[]> {
    const path = `rooms/${encodeURIComponent(userId)}`;

    return (await this.json<WireRoom[]>("GET", path)).map(toRoom);
  }

  async createRoom(user1: UserId, user2: UserId): Promise<WireRoom> {
    return toRoom(await this.json<WireRoom>("POST", "room", { user1, user2 }));
  }

  /** Oldest first, whichever way the server lists them. */
  async messages(roomId: RoomId, page: Page): Promise<Message[]> {
    const query = new URLSearchParams({ size: String(page.size) });

    if (page.before !== undefined) {
      query.set("before", page.before);
    } else if (page.after !== undefined) {
      query.set("after", page.after);
    } else {
      query.set("offset", "0");
    }

    const path = `room/${encodeURIComponent(roomId)}/messages?${query}`;
    const list = (await this.json<WireMessage[]>("GET", path)).map((wire) =>
      toMessage(wire, roomId),
    );

    return page.after === undefined ? list.reverse() : list;
  }

  protected async json<T>(method: string, path: string, body?: object): Promise<T> {
    return parse<T>(await this.request(method, path, body));
  }

  private async request(
    method: string,
    path: string,
    body?: object,
  ): Promise<Response> {
    let response: Response;

    const options: RequestInit = {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };

    if (body !== undefined) {
      options.body = JSON.stringify(body);
      options.headers = { ...options.headers, "Content-Type": "application/json" };
    }

    try {
      response = await this.fetcher(this.base.origin + this.base.path + path, options);
    } catch (error) {
      const late = error instanceof Error && error.name === "TimeoutError";

      throw new ApiError(late ? "timeout" : "unreachable");
    }

    if (!response.ok) {
      throw new ApiError(
        "status",
        response.status,
        await readMessage(response),
        Number(response.headers.get("Retry-After")) || 0,
      );
    }

    return response;
  }
}

async function parse<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError("garbled", response.status);
  }
}

async function readMessage(response: Response): Promise<string> {
  try {
    const { message } = (await response.json()) as WireError;

    return typeof message === "string" ? message : "";
  } catch {
    return "";
  }
}
