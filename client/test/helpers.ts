/* What several tests need. */

import { Chat } from "../src/state/chat";
import type { Environment } from "../src/state/environment";
import { baseOf } from "../src/transport/base";
import { Live } from "../src/transport/live";
import type { Message } from "../src/transport/normalise";
import type { KeyValue } from "../src/transport/storage";

export function message(
  id: number,
  from = "2",
  text = `text ${id}`,
  roomId = "0",
): Message {
  return { id: `${id}.000000`, roomId, from, date: id, text };
}

export class MemoryStorage implements Storage {
  readonly map = new Map<string, string>();

  get length() {
    return this.map.size;
  }

  key(index: number) {
    return [...this.map.keys()][index] ?? null;
  }

  getItem(key: string) {
    return this.map.get(key) ?? null;
  }

  setItem(key: string, value: string) {
    this.map.set(key, value);
    /* Object.keys() of a Storage lists what is stored. */
    Object.defineProperty(this, key, { enumerable: true, configurable: true, value });
  }

  removeItem(key: string) {
    this.map.delete(key);
    delete (this as unknown as Record<string, string>)[key];
  }

  clear() {
    [...this.map.keys()].forEach((key) => this.removeItem(key));
  }
}

Object.defineProperty(MemoryStorage.prototype, "map", { enumerable: false });

export function memory(): KeyValue & { map: Map<string, string> } {
  const map = new Map<string, string>();

  return {
    map,
    get: (key) => map.get(key) ?? null,
    set: (key, value) => void map.set(key, value),
    remove: (key) => void map.delete(key),
    keys: () => [...map.keys()],
  };
}

/** A Chat without a browser, with a session of its own. */
export function chatFor(url: string, sid: string, storage = new MemoryStorage()) {
  const base = baseOf(url);
  const shown: string[] = [];
  const control = {
    visible: true,
    visibility: () => {},
    stored: (_key: string, _value: string | null) => {},
  };
  const cookie = { current: `sid=${sid}` };

  const env: Environment = {
    base,
    storage,
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        headers: { ...(init?.headers as object), Cookie: cookie.current },
      }),
    isVisible: () => control.visible,
    onVisibility: (listener) => (control.visibility = listener),
    onNetwork: () => {},
    onStorage: (listener) => (control.stored = listener),
    notifications: {
      supported: true,
      allowed: true,
      request: () => Promise.resolve(true),
      show: (title, body) => shown.push(`${title}: ${body}`),
    },
  };

  const chat = new Chat(
    env,
    (handlers) =>
      new Live(base, handlers, {
        extraHeaders: { Cookie: cookie.current },
        reconnectionDelay: 20,
        reconnectionDelayMax: 50,
      }),
  );

  return { chat, control, storage, shown, cookie };
}

export async function until(
  check: () => boolean,
  what: string,
  ms = 5000,
): Promise<void> {
  const end = Date.now() + ms;

  while (!check()) {
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}`);
    }

    await new Promise((done) => setTimeout(done, 10));
  }
}
