import { useEffect } from "react";

import { roomTitle, totalUnread } from "../../state/selectors";
import { text } from "../../text/en";
import { useSelect } from "../context";

/** Room and unread count in the page's title. */
export function useTitle(): void {
  const unread = useSelect(totalUnread);
  const title = useSelect((state) => {
    const room = state.current === null ? undefined : state.rooms[state.current];

    return room ? roomTitle(state, room) : "";
  });

  useEffect(() => {
    const plain = title ? text.title.room(title) : text.title.plain;

    document.title = unread > 0 ? text.title.unread(unread, plain) : plain;

    return () => {
      document.title = text.title.plain;
    };
  }, [unread, title]);
}
