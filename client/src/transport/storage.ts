/*
 * localStorage under a prefix, for one user of one chat.  Storage may be
 * forbidden or full; then everything still works until the page is left.
 */

export interface KeyValue {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

export function prefixed(store: Storage | undefined, prefix: string): KeyValue {
  const attempt = <T>(action: (store: Storage) => T, otherwise: T): T => {
    try {
      return store ? action(store) : otherwise;
    } catch {
      return otherwise;
    }
  };

  return {
    get: (key) => attempt((s) => s.getItem(prefix + key), null),
    set: (key, value) => attempt((s) => s.setItem(prefix + key, value), undefined),
    remove: (key) => attempt((s) => s.removeItem(prefix + key), undefined),
    keys: () =>
      attempt(
        (s) =>
          Object.keys(s)
            .filter((key) => key.startsWith(prefix))
            .map((key) => key.slice(prefix.length)),
        [],
      ),
  };
}
