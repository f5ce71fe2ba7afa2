/*
 * The chat as the view sees it: coming in and leaving, and everything the
 * person can ask for.  Knows nothing of how it is shown.
 *
 *   start() -> "out" (log in) -> "in" (a Session) -> "out"
 *           \-> "unreachable", tried again until it answers
 */

import { ApiError } from "../transport/errors";
import { Live, type LiveHandlers } from "../transport/live";
import { Rest } from "../transport/rest";
import type { RoomId, UserId, WireMe } from "../wire";
import { describe } from "../text/describe";
import { text } from "../text/en";
import type { Environment } from "./environment";
import { Session } from "./session";
import { Store } from "./store";
import type { Notice } from "./types";

const RETRY_MS = 3_000;

export class Chat {
  readonly store = new Store();
  private readonly rest: Rest;
  private session: Session | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private noticeCount = 0;

  constructor(
    private readonly env: Environment,
    private readonly makeLive = (handlers: LiveHandlers) =>
      new Live(env.base, handlers),
  ) {
    this.rest = new Rest(env.base, env.fetch);
    env.onVisibility(() => this.session?.updateReading());
    env.onNetwork(() => this.reconnectNow());
    env.onStorage((key, value) => this.session?.changedElsewhere(key, value));
  }

  async start(): Promise<void> {
    const { dispatch } = this.store;

    clearTimeout(this.retryTimer);
    void this.loadLinks();

    try {
      const { me, bySite } = await this.rest.identity();

      dispatch({ type: "bySite", bySite });

      if (me) {
        this.enter(me);
      } else {
        dispatch({ type: "phase", phase: "out" });
      }
    } catch {
      dispatch({ type: "phase", phase: "unreachable" });
      this.retryTimer = setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  /** Throws what describeLogin() explains. */
  async login(username: string, password: string, creating: boolean): Promise<void> {
    const { me, created } = await this.rest.login(username, password);

    this.dismissNotice();
    this.enter(me);

    if (created && !creating) {
      this.notice("account", text.notice.createdByLogIn(me.username));
    } else if (created) {
      this.notice("welcome", text.notice.created(me.username));
    } else if (creating) {
      this.notice("account", text.notice.existed(me.username));
    }
  }

  async logout(everywhere: boolean): Promise<void> {
    try {
      await this.rest.logout(everywhere);
    } catch (error) {
      if (!isLoggedOut(error)) {
        this.notice("failed", text.notice.logoutFailed(describe(error)));
        return;
      }
    }

    this.dismissNotice();
    this.leave();
  }

  suggestName(): Promise<string> {
    return this.rest.randomName();
  }

  open(roomId: RoomId | null): void {
    this.session?.open(roomId);
  }

  /** Makes the private room with somebody if need be; null if that failed. */
  async openPrivate(userId: UserId): Promise<RoomId | null> {
    try {
      return (await this.session?.openPrivate(userId)) ?? null;
    } catch (error) {
      if (isLoggedOut(error)) {
        this.changeIdentity(null);
      } else {
        this.notice("failed", text.notice.openFailed(describe(error)));
      }

      return null;
    }
  }

  send(roomId: RoomId, words: string): void {
    this.session?.send(roomId, words);
  }

  retry(nonce: string): void {
    this.session?.outbox.retry(nonce);
  }

  discard(nonce: string): void {
    this.session?.outbox.discard(nonce);
  }

  edit(nonce: string): void {
    this.session?.edit(nonce);
  }

  setDraft(roomId: RoomId, draft: string): void {
    this.session?.setDraft(roomId, draft);
  }

  /** The view says whether the end of the open room is in sight. */
  setAtEnd(atEnd: boolean): void {
    this.session?.setAtEnd(atEnd);
  }

  async loadRooms(): Promise<void> {
    await this.session?.rooms.load();
  }

  async loadPeople(): Promise<void> {
    await this.session?.people.load();
  }

  async loadOlder(roomId: RoomId): Promise<void> {
    await this.session?.rooms.loadOlder(roomId);
  }

  retryNewest(roomId: RoomId): void {
    this.session?.rooms.loadNewest(roomId, true);
  }

  reconnectNow(): void {
    this.session?.reconnectNow();
  }

  dismissNotice(): void {
    this.store.dispatch({ type: "notice", notice: null });
  }

  get notificationsSupported(): boolean {
    return this.env.notifications.supported;
  }

  async setNotifications(on: boolean): Promise<void> {
    const allowed = on && (await this.env.notifications.request());

    if (on && !allowed) {
      this.notice("failed", text.notice.notificationsDenied);
    }

    this.session?.setNotifications(allowed);
  }

  private async loadLinks(): Promise<void> {
    try {
      this.store.dispatch({ type: "links", links: await this.rest.links() });
    } catch {
      /* Without links nothing but the links is missing. */
    }
  }

  private enter(me: WireMe): void {
    this.session?.close();
    this.session = new Session({
      env: this.env,
      rest: this.rest,
      store: this.store,
      me,
      makeLive: this.makeLive,
      isLoggedOut,
      onIdentity: (now) => this.changeIdentity(now),
    });
  }

  private leave(): void {
    this.session?.close();
    this.session = null;
    this.store.dispatch({ type: "left" });
  }

  private changeIdentity(now: WireMe | null): void {
    this.leave();

    if (now) {
      this.enter(now);
    } else {
      this.notice("loggedOut", text.notice.sessionEnded);
    }
  }

  private notice(kind: Notice["kind"], words: string): void {
    const key = ++this.noticeCount;

    this.store.dispatch({ type: "notice", notice: { key, kind, text: words } });
  }
}

function isLoggedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}
