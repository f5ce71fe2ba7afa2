import { useEffect, useRef, useState } from "react";

import { lastMessage, roomTitle } from "../../state/selectors";
import type { Room } from "../../state/types";
import { text } from "../../text/en";
import { comparePositions } from "../../transport/position";
import { useChat } from "../context";

const READ_OUT = 3;

/** Reads out what others say in the open room, once it has been opened. */
export function LiveRegion({ room }: { room: Room }) {
  const { store } = useChat();
  const [words, setWords] = useState("");
  const told = useRef<string | null>(null);

  useEffect(() => {
    const newest = lastMessage(room)?.id;

    if (room.newest !== "ready") {
      return;
    }

    const from = told.current;

    told.current = newest ?? "0";

    if (from === null) {
      return;
    }

    const state = store.get();
    const fresh = [];

    for (let i = room.messages.length - 1; i >= 0; i--) {
      const message = room.messages[i]!;

      if (comparePositions(message.id, from) <= 0) {
        break;
      }

      if (message.from !== state.me?.id) {
        fresh.unshift(message);
      }
    }

    if (fresh.length > READ_OUT) {
      setWords(text.room.many(fresh.length, roomTitle(state, room)));
    } else if (fresh.length > 0) {
      setWords(
        fresh
          .map((m) => {
            const name = state.users[m.from]?.username ?? text.room.somebody(m.from);

            return text.room.said(name, m.text);
          })
          .join("\n"),
      );
    }
  }, [room, store]);

  return (
    <div
      className="sr-only"
      role="log"
      aria-live="polite"
      aria-label={text.room.newMessages}
    >
      {words}
    </div>
  );
}
