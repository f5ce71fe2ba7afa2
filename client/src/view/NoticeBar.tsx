import { useEffect } from "react";

import { text } from "../text/en";
import { useChat, useSelect } from "./context";
import { Icon } from "./parts/Icon";

const WELCOME_MS = 8_000;

/** Something that is told once, and mostly stays until it is closed. */
export function NoticeBar() {
  const chat = useChat();
  const notice = useSelect((state) => state.notice);

  useEffect(() => {
    if (notice?.kind !== "welcome") {
      return undefined;
    }

    const timer = setTimeout(() => chat.dismissNotice(), WELCOME_MS);

    return () => clearTimeout(timer);
  }, [chat, notice]);

  return (
    <div className="notices" role={notice?.kind === "failed" ? "alert" : "status"}>
      {notice && (
        <div className="notice" data-kind={notice.kind} key={notice.key}>
          <p>{notice.text}</p>
          <button
            className="icon-button"
            aria-label={text.notice.close}
            onClick={() => chat.dismissNotice()}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
