/*
 * What the page shows: asked for again and again while somebody looks at it.
 */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { describe } from "../text/describe";
import type { Base } from "../transport/base";
import { ApiError } from "../transport/errors";
import { AdminApi, type AdminRoom, type OnlineUser, type Restriction } from "./api";
import { addSample, noSeries, type Series } from "./series";

const STATUS_MS = 2_000;
/** The lists are asked for with each so many-th figures. */
const LISTS_EACH = 2;
const MOST_PAGES = 10;

export interface Lists {
  users: OnlineUser[];
  online: number;
  moreUsers: boolean;
  rooms: AdminRoom[];
  restricted: Restriction[];
  missing: number;
}

export interface Admin {
  api: AdminApi;
  /** Null: not yet, or never. */
  lists: Lists | null;
  series: Series;
  /** Who asks is no admin (403), or there are none (404). */
  denied: 403 | 404 | null;
  problem: string | null;
  showMore(): void;
  /** Somebody by the whole name; null: nobody, undefined: it failed. */
  find(name: string): Promise<OnlineUser | null | undefined>;
  refresh(): Promise<void>;
}

async function pagesOf<T extends { next: string | null; missing: number }>(
  ask: (after: string | null) => Promise<T>,
  most: number,
): Promise<{ pages: T[]; more: boolean; missing: number }> {
  const pages: T[] = [];
  let after: string | null = null;

  do {
    const page: T = await ask(after);

    pages.push(page);
    after = page.next;
  } while (after !== null && pages.length < most);

  return {
    pages,
    more: after !== null,
    missing: Math.max(...pages.map((page) => page.missing)),
  };
}

async function readLists(api: AdminApi, userPages: number): Promise<Lists> {
  const [users, rooms, restricted] = await Promise.all([
    pagesOf((after) => api.usersOnline(after), userPages),
    pagesOf((after) => api.roomsHere(after), MOST_PAGES),
    api.restricted(),
  ]);

  return {
    users: users.pages
      .flatMap((page) => page.users)
      .sort((a, b) => a.username.localeCompare(b.username)),
    online: users.pages[0]!.online,
    moreUsers: users.more && userPages < MOST_PAGES,
    rooms: rooms.pages
      .flatMap((page) => page.rooms)
      .sort((a, b) => b.members - a.members || a.name.localeCompare(b.name)),
    restricted,
    missing: Math.max(users.missing, rooms.missing),
  };
}

export function useAdmin(base: Base): Admin {
  const api = useMemo(() => new AdminApi(base, (...args) => fetch(...args)), [base]);
  const [lists, setLists] = useState<Lists | null>(null);
  const [series, setSeries] = useState<Series>(noSeries);
  const [denied, setDenied] = useState<403 | 404 | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [userPages, setUserPages] = useState(1);
  const turn = useRef(0);

  const guard = useCallback(async (work: () => Promise<void>) => {
    try {
      await work();
      setProblem(null);
    } catch (error) {
      if (error instanceof ApiError && (error.status === 403 || error.status === 404)) {
        setDenied(error.status);
      } else {
        setProblem(describe(error));
      }
    }
  }, []);

  const refresh = useCallback(() => {
    /* An answer that comes behind a newer one is not shown. */
    const mine = ++turn.current;

    return guard(async () => {
      const read = await readLists(api, userPages);

      if (mine === turn.current) {
        setLists(read);
      }
    });
  }, [api, guard, userPages]);

  useEffect(() => {
    let rounds = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = denied !== null;

    const round = async () => {
      if (document.visibilityState === "visible") {
        await Promise.all([
          guard(async () => {
            const status = await api.status();

            setSeries((known) => addSample(known, { at: performance.now(), status }));
          }),
          rounds % LISTS_EACH === 0 ? refresh() : undefined,
        ]);
        rounds++;
      }

      if (!stopped) {
        timer = setTimeout(() => void round(), STATUS_MS);
      }
    };

    if (!stopped) {
      void round();
    }

    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [api, denied, guard, refresh]);

  return {
    api,
    lists,
    series,
    denied,
    problem,
    showMore: () => setUserPages((pages) => pages + 1),
    async find(name) {
      let found: OnlineUser | null | undefined;

      await guard(async () => {
        found = (await api.userNamed(name)) ?? null;
      });

      return found;
    },
    refresh,
  };
}
