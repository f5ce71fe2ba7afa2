/*
 * Shows a window of a list that may have 50,000 rows of any height.
 *
 * The rows are in normal flow between two spacers.  After every change, and
 * before it is painted, the shown rows are measured, the spacers set, and
 * the scroll position put back to what the reader saw: the end, when that
 * was in sight ("pinned"), or else the same row at the same place
 * ("anchor").  Only a scroll by the reader, or scrollToEnd, changes which.
 */

import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type RefObject,
} from "react";
import { flushSync } from "react-dom";

import { RowLayout } from "./row-layout";

const PIN_DISTANCE = 40;
const OVERSCAN = 800;
const FIRST_WINDOW = 40;
const LARGEST_STEP = 100;

interface Window {
  start: number;
  end: number;
  /** What `start` meant, and among how many. */
  startKey: string;
  count: number;
}

interface Anchor {
  index: number;
  key: string;
  count: number;
  /** Distance of the row's upper edge from the scroller's. */
  offset: number;
}

export interface WindowedRows {
  scroller: RefObject<HTMLDivElement | null>;
  before: RefObject<HTMLDivElement | null>;
  body: RefObject<HTMLDivElement | null>;
  after: RefObject<HTMLDivElement | null>;
  start: number;
  end: number;
  onScroll(): void;
  scrollToEnd(): void;
  /** Brings a row into sight, and renders it at once. */
  reveal(index: number): void;
}

export function useWindowedRows(options: {
  count: number;
  keyAt: (index: number) => string;
  /** Row to begin at; at the end when it is null. */
  initial: number | null;
  onPinned(pinned: boolean): void;
  onNearStart(): void;
}): WindowedRows {
  const { count, keyAt } = options;
  const scroller = useRef<HTMLDivElement>(null);
  const before = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const after = useRef<HTMLDivElement>(null);
  const pinned = useRef(options.initial === null);
  const anchor = useRef<Anchor | null>(null);
  const [layout] = useState(() => new RowLayout());
  const latest = useRef(options);

  const [shown, setShown] = useState<Window>(() => {
    const middle = options.initial ?? count;
    const start = Math.max(0, middle - FIRST_WINDOW / 2);

    if (options.initial !== null && count > 0) {
      const index = Math.min(options.initial, count - 1);

      anchor.current = { index, key: keyAt(index), count, offset: 72 };
    }

    return {
      start,
      end: Math.min(count, start + FIRST_WINDOW),
      startKey: start < count ? keyAt(start) : "",
      count,
    };
  });

  /* Rows that were put in before the window move it along. */
  const follows = pinned.current && shown.end === shown.count;
  const moved = locate(shown.start, shown.startKey, shown.count, count, keyAt);
  const start = follows ? Math.max(moved, count - LARGEST_STEP) : moved;
  const end = follows ? count : Math.min(count, start + shown.end - shown.start);

  const range = useRef({ start, end });

  const show = useCallback((from: number, to: number) => {
    const { count: rows, keyAt: keys } = latest.current;

    releaseFocus(scroller.current, body.current, from, to);
    setShown({
      start: from,
      end: to,
      startKey: from < rows ? keys(from) : "",
      count: rows,
    });
  }, []);

  /** What has to be rendered for the place that is in sight now. */
  const updateRange = useCallback(() => {
    const box = scroller.current!;
    const y = box.scrollTop - before.current!.offsetTop;
    const rows = latest.current.count;

    if (rows === 0) {
      return;
    }

    const from = layout.indexAt(y - OVERSCAN);
    const to = Math.min(rows, layout.indexAt(y + box.clientHeight + OVERSCAN) + 1);
    const first = layout.indexAt(y - OVERSCAN / 2);
    const last = layout.indexAt(y + box.clientHeight + OVERSCAN / 2);

    const { start: oldFrom, end: oldTo } = range.current;

    /* Half of the overscan may be used up before rows are changed. */
    if (first < oldFrom || last >= oldTo || oldTo - oldFrom > 2 * (to - from) + 20) {
      show(from, to);
    }
  }, [layout, show]);

  const sync = useCallback(() => {
    const box = scroller.current;
    const rows = latest.current.count;

    if (!box || !before.current || !after.current || !body.current) {
      return;
    }

    const first = range.current.start;

    for (let i = 0; i < body.current.children.length; i++) {
      const { height } = body.current.children[i]!.getBoundingClientRect();

      layout.setHeight(first + i, height);
    }

    before.current.style.height = `${layout.top(first)}px`;
    after.current.style.height = `${layout.total - layout.top(range.current.end)}px`;

    if (pinned.current) {
      box.scrollTop = box.scrollHeight;
    } else if (anchor.current) {
      const a = anchor.current;
      const index = locate(a.index, a.key, a.count, rows, latest.current.keyAt);

      anchor.current = { ...a, index, count: rows };
      box.scrollTop = before.current.offsetTop + layout.top(index) - a.offset;
    }

    updateRange();
  }, [layout, updateRange]);

  useLayoutEffect(() => {
    latest.current = options;
    range.current = { start, end };
    layout.setRows(count, keyAt);
    sync();
  });

  /* Rows change height with the width and fonts, the scroller with the keyboard. */
  useEffect(() => {
    const observer = new ResizeObserver(() => flushSync(sync));

    observer.observe(scroller.current!);
    observer.observe(body.current!);

    return () => observer.disconnect();
  }, [sync]);

  const look = useCallback(() => {
    const box = scroller.current!;
    const base = before.current!.offsetTop;
    const atEnd = box.scrollHeight - box.clientHeight - box.scrollTop < PIN_DISTANCE;
    const rows = latest.current.count;

    pinned.current = atEnd;
    anchor.current = null;

    if (!atEnd && rows > 0) {
      const index = layout.indexAt(box.scrollTop - base);

      anchor.current = {
        index,
        key: latest.current.keyAt(index),
        count: rows,
        offset: base + layout.top(index) - box.scrollTop,
      };
    }

    latest.current.onPinned(atEnd);
    updateRange();

    if (box.scrollTop - base < box.clientHeight) {
      latest.current.onNearStart();
    }
  }, [layout, updateRange]);

  const onScroll = useCallback(() => flushSync(look), [look]);

  /* Where there is nothing to scroll, no scroll event comes. */
  useEffect(() => look(), [look, count]);

  const scrollToEnd = useCallback(() => {
    const rows = latest.current.count;

    pinned.current = true;
    anchor.current = null;
    flushSync(() => show(Math.max(0, rows - FIRST_WINDOW), rows));
    sync();
    onScroll();
  }, [show, sync, onScroll]);

  const reveal = useCallback(
    (index: number) => {
      const box = scroller.current!;
      const base = before.current!.offsetTop;
      const top = base + layout.top(index);
      const bottom = base + layout.top(index + 1);

      if (top < box.scrollTop) {
        box.scrollTop = top - 8;
      } else if (bottom > box.scrollTop + box.clientHeight) {
        box.scrollTop = bottom - box.clientHeight + 8;
      }

      onScroll();
    },
    [layout, onScroll],
  );

  return { scroller, before, body, after, start, end, onScroll, scrollToEnd, reveal };
}

/** Finds where a row is now; most changes are at one end only. */
function locate(
  index: number,
  key: string,
  oldCount: number,
  count: number,
  keyAt: (index: number) => string,
): number {
  const moved = index + count - oldCount;

  if (index < count && keyAt(index) === key) {
    return index;
  }

  if (moved >= 0 && moved < count && keyAt(moved) === key) {
    return moved;
  }

  for (let i = 0; i < count; i++) {
    if (keyAt(i) === key) {
      return i;
    }
  }

  return Math.max(0, Math.min(index, count - 1));
}

/* A row that goes out of the window takes its focus along: keep it near. */
function releaseFocus(
  scroller: HTMLElement | null,
  body: HTMLElement | null,
  from: number,
  to: number,
): void {
  const row = document.activeElement?.closest<HTMLElement>("[data-index]");

  if (row && body?.contains(row)) {
    const index = Number(row.dataset["index"]);

    if (index < from || index >= to) {
      scroller?.focus({ preventScroll: true });
    }
  }
}
