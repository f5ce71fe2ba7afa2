import { useEffect, useState } from "react";

import { text } from "../text/en";
import { useChat, useSelect } from "./context";
import { Icon } from "./parts/Icon";

/** Says when the connection is lost, and when it is back. */
export function LinkBanner() {
  const chat = useChat();
  const link = useSelect((state) => state.link);
  const restored = useSelect((state) => state.linkRestored);
  const offline = useOffline();
  let words = "";

  if (link === "lost") {
    words = offline ? text.link.offline : text.link.lost;
  } else if (restored) {
    words = text.link.restored;
  }

  return (
    <div className="banner" data-kind={link === "lost" ? "lost" : "restored"}>
      <div role="status" className="banner-words">
        {words && (
          <>
            <Icon name={link === "lost" ? "unplugged" : "check"} />
            <span>{words}</span>
          </>
        )}
      </div>
      {link === "lost" && !offline && (
        <button className="banner-button" onClick={() => chat.reconnectNow()}>
          {text.link.now}
        </button>
      )}
    </div>
  );
}

function useOffline(): boolean {
  const [offline, setOffline] = useState(!navigator.onLine);

  useEffect(() => {
    const update = () => setOffline(!navigator.onLine);

    window.addEventListener("online", update);
    window.addEventListener("offline", update);

    return () => {
      window.removeEventListener("online", update);
      window.removeEventListener("offline", update);
    };
  }, []);

  return offline;
}
