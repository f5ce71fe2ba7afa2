import { useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { peerOf, roomTitle, waitingIn } from "../../state/selectors";
import type { Room } from "../../state/types";
import { text } from "../../text/en";
import type { UserId } from "../../wire";
import { useChat, useSelect } from "../context";
import { Entries } from "../lib/entries";
import { useWindowedRows } from "../lib/useWindowedRows";
import { JumpButton } from "./JumpButton";
import { ListStart } from "./ListStart";
import { MessageRow } from "./MessageRow";

export function MessageList({
  room,
  onWrite,
}: {
  room: Room;
  onWrite(id: UserId): void;
}) {
  const chat = useChat();
  const meId = useSelect((state) => state.me?.id ?? "");
  const outbox = useSelect((state) => state.outbox);
  const title = useSelect((state) => roomTitle(state, room));
  const [atEnd, setAtEnd] = useState(true);
  const isGroup = peerOf(room.id, meId) === null;

  const entries = useMemo(
    () =>
      new Entries(
        room.messages,
        waitingIn(outbox, room.id),
        meId,
        room.lineAfter,
        room.older === "ready",
      ),
    [room.messages, room.id, room.lineAfter, room.older, outbox, meId],
  );
  const [initial] = useState(() => entries.lineIndex());

  const rows = useWindowedRows({
    count: entries.count,
    keyAt: entries.keyAt,
    initial,
    onPinned: (pinned) => {
      setAtEnd(pinned);
      chat.setAtEnd(pinned);
    },
    onNearStart: () => void chat.loadOlder(room.id),
  });

  useOwnMessage(outbox, room.id, rows.scrollToEnd);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const target = stepFrom(event, entries.count, rows.start);

    if (target === null) {
      return;
    }

    event.preventDefault();
    rows.reveal(target);
    rows.body.current
      ?.querySelector<HTMLElement>(`[data-index="${target}"] .message`)
      ?.focus({ preventScroll: true });
  };

  const shown = [];

  for (let i = rows.start; i < rows.end; i++) {
    const entry = entries.at(i);

    shown.push(
      <MessageRow
        key={entry.key}
        index={i}
        position={i + 1}
        from={entry.from}
        date={entry.date}
        words={entry.text}
        item={entry.item}
        mine={entry.from === meId}
        first={entries.startsGroup(i)}
        last={entries.endsGroup(i)}
        day={entries.startsDay(i)}
        line={entries.hasLine(i)}
        onWrite={isGroup ? onWrite : undefined}
      />,
    );
  }

  return (
    <>
      <div
        ref={rows.scroller}
        className="messages"
        role="feed"
        tabIndex={0}
        aria-label={text.room.messages(title)}
        aria-busy={room.older === "loading"}
        onScroll={rows.onScroll}
        onKeyDown={onKeyDown}
      >
        <div className="messages-inner">
          <ListStart room={room} />
          <div ref={rows.before} className="spacer" />
          <div ref={rows.body}>{shown}</div>
          <div ref={rows.after} className="spacer" />
        </div>
      </div>
      {!atEnd && <JumpButton unread={room.unread} onClick={rows.scrollToEnd} />}
    </>
  );
}

/* Whoever writes something wants to see it, wherever they were reading. */
function useOwnMessage(
  outbox: { nonce: string; roomId: string }[],
  roomId: string,
  scrollToEnd: () => void,
): void {
  const newest = outbox.findLast((item) => item.roomId === roomId)?.nonce;
  const seen = useRef(newest);

  useLayoutEffect(() => {
    if (newest !== undefined && newest !== seen.current) {
      queueMicrotask(scrollToEnd);
    }

    seen.current = newest ?? seen.current;
  }, [newest, scrollToEnd]);
}

/* Arrow keys go from message to message once one has focus. */
function stepFrom(
  event: KeyboardEvent<HTMLElement>,
  count: number,
  start: number,
): number | null {
  const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
  const at = row ? Number(row.dataset["index"]) : null;

  if (count === 0 || event.altKey || event.ctrlKey || event.metaKey) {
    return null;
  }

  switch (event.key) {
    case "ArrowUp":
      return at === null ? Math.max(start, count - 1) : Math.max(0, at - 1);
    case "ArrowDown":
      return at === null ? null : Math.min(count - 1, at + 1);
    case "Home":
      return at === null ? null : 0;
    case "End":
      return at === null ? null : count - 1;
    default:
      return null;
  }
}
