/*
 * What the chat needs of the browser, so that it runs without one in tests.
 */

import type { Base } from "../transport/base";
import type { RoomId } from "../wire";
import { hashOf } from "./route";

export interface Environment {
  base: Base;
  fetch: typeof fetch;
  storage: Storage | undefined;
  /** The person can see the page at this moment. */
  isVisible(): boolean;
  onVisibility(listener: () => void): void;
  onNetwork(listener: () => void): void;
  onStorage(listener: (key: string, value: string | null) => void): void;
  notifications: Notifications;
}

export interface Notifications {
  readonly supported: boolean;
  readonly allowed: boolean;
  /** Asks the person; true when they agree. */
  request(): Promise<boolean>;
  /** A click on it opens the room. */
  show(title: string, body: string, roomId: RoomId): void;
}

export function browserEnvironment(base: Base): Environment {
  return {
    base,
    fetch: (...args) => fetch(...args),
    storage: browserStorage(),
    isVisible: () => document.visibilityState === "visible" && document.hasFocus(),
    onVisibility: (listener) => {
      document.addEventListener("visibilitychange", listener);
      window.addEventListener("focus", listener);
      window.addEventListener("blur", listener);
    },
    onNetwork: (listener) => window.addEventListener("online", listener),
    onStorage: (listener) =>
      window.addEventListener("storage", (event) => {
        if (event.key !== null) {
          listener(event.key, event.newValue);
        }
      }),
    notifications: browserNotifications(),
  };
}

function browserStorage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

function browserNotifications(): Notifications {
  return {
    get supported() {
      return "Notification" in window && window.isSecureContext;
    },
    get allowed() {
      return this.supported && Notification.permission === "granted";
    },
    async request() {
      return this.supported && (await Notification.requestPermission()) === "granted";
    },
    show(title, body, roomId) {
      try {
        const note = new Notification(title, { body, tag: roomId });

        note.onclick = () => {
          window.focus();
          note.close();
          window.location.hash = hashOf(roomId);
        };
      } catch {
        /* Some phones have the permission but not the constructor. */
      }
    },
  };
}
