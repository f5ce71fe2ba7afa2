/*
 * Who there is: names for the ids in messages, who is online, and the notes
 * about who has come and gone.
 */

import type { Message } from "../transport/normalise";
import type { UserId, WireMe, WireUser } from "../wire";
import { PresenceNotes } from "./presence-notes";
import type { SessionContext } from "./session";

const ONLINE_PAGE = 1_000;
const NOTE_MS = 8_000;

export class People {
  private readonly asked = new Map<UserId, Promise<void>>();
  private readonly notes = new PresenceNotes((id, online) => this.tell(id, online));
  private noteCount = 0;

  constructor(
    private readonly context: SessionContext,
    private readonly me: WireMe,
  ) {}

  /** After a loss of our own connection, changes are not news for a while. */
  hush(): void {
    this.notes.hush();
  }

  changed(user: WireUser): void {
    const { dispatch, get } = this.context.store;

    if (user.id !== this.me.id) {
      this.notes.changed(user, get().users[user.id]?.online ?? false);
      dispatch({ type: "presence", user });
    }
  }

  async load(): Promise<void> {
    const { rest, store } = this.context;
    const { dispatch, get } = store;

    if (get().people !== "ready") {
      dispatch({ type: "people", status: "loading" });
    }

    try {
      const people: WireUser[] = [];
      let page: WireUser[];

      do {
        page = await rest.online(people[people.length - 1]?.id);
        page.sort((a, b) => Number(a.id) - Number(b.id));
        people.push(...page);
      } while (page.length >= ONLINE_PAGE);

      if (!this.context.closed()) {
        dispatch({ type: "online", users: people });
      }
    } catch (error) {
      if (!this.context.failed(error) && get().people !== "ready") {
        dispatch({ type: "people", status: "failed" });
      }
    }
  }

  askFor(messages: Message[]): void {
    void this.ask(messages.map((message) => message.from));
  }

  /** Resolves once the names are known, or can't be had. */
  async ask(ids: UserId[]): Promise<void> {
    const { users } = this.context.store.get();
    const unknown = [...new Set(ids)].filter((id) => !users[id]);
    const fresh = unknown.filter((id) => !this.asked.has(id));

    if (fresh.length > 0) {
      const answer = this.fetch(fresh);

      fresh.forEach((id) => this.asked.set(id, answer));
    }

    await Promise.all(unknown.map((id) => this.asked.get(id)));
  }

  close(): void {
    this.notes.clear();
  }

  private async fetch(ids: UserId[]): Promise<void> {
    const { rest, store } = this.context;

    try {
      const found = await rest.users(ids);

      if (!this.context.closed()) {
        store.dispatch({ type: "users", users: found });
      }
    } catch (error) {
      ids.forEach((id) => this.asked.delete(id));
      this.context.failed(error);
    }
  }

  private tell(userId: UserId, online: boolean): void {
    const { dispatch } = this.context.store;
    const key = ++this.noteCount;

    dispatch({ type: "note", note: { key, userId, online } });
    setTimeout(() => dispatch({ type: "noteGone", key }), NOTE_MS);
  }
}
