import { useEffect, useLayoutEffect, useRef, type KeyboardEvent } from "react";

import { roomTitle } from "../../state/selectors";
import type { Room } from "../../state/types";
import { text } from "../../text/en";
import { useChat, useSelect } from "../context";
import { isTouch, isWide } from "../lib/screen";
import { Icon } from "../parts/Icon";

export function Composer({ room }: { room: Room }) {
  const chat = useChat();
  const draft = useSelect((state) => state.drafts[room.id] ?? "");
  const title = useSelect((state) => roomTitle(state, room));
  const input = useRef<HTMLTextAreaElement>(null);
  const blank = draft.trim() === "";

  useEffect(() => {
    if (isWide() && !isTouch()) {
      input.current?.focus({ preventScroll: true });
    }
  }, []);

  /* As high as its text, up to what the style allows. */
  useLayoutEffect(() => {
    const box = input.current!;

    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [draft]);

  const send = () => {
    if (!blank) {
      chat.send(room.id, draft);
      input.current?.focus();
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (
      event.key === "Enter" &&
      !event.shiftKey &&
      !event.nativeEvent.isComposing &&
      !isTouch()
    ) {
      event.preventDefault();
      send();
    }
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer-box">
        <textarea
          ref={input}
          rows={1}
          value={draft}
          aria-label={text.composer.label(title)}
          aria-description={text.composer.hint}
          placeholder={text.composer.placeholder}
          onChange={(event) => chat.setDraft(room.id, event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button
          className="composer-send"
          aria-label={text.composer.send}
          disabled={blank}
        >
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}
