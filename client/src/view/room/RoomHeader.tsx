import { useEffect, useRef } from "react";

import { isOnline, onlinePeople, peerOf, roomTitle } from "../../state/selectors";
import type { Room } from "../../state/types";
import { text } from "../../text/en";
import { useSelect } from "../context";
import { isWide } from "../lib/screen";
import { Avatar } from "../parts/Avatar";
import { Icon } from "../parts/Icon";

export function RoomHeader({ room, onBack }: { room: Room; onBack(): void }) {
  const title = useSelect((state) => roomTitle(state, room));
  const meId = useSelect((state) => state.me?.id);
  const peer = peerOf(room.id, meId);
  const online = useSelect((state) => isOnline(state, peer));
  const count = useSelect((state) => onlinePeople(state).length + 1);
  const lost = useSelect((state) => state.link === "lost");
  const heading = useRef<HTMLHeadingElement>(null);

  const presence = online ? text.room.online : text.room.offline;

  /* On a phone the list has gone: say where one is now. */
  useEffect(() => {
    if (!isWide()) {
      heading.current?.focus();
    }
  }, []);

  return (
    <header className="room-head">
      <button
        className="icon-button room-back"
        aria-label={text.room.back}
        onClick={onBack}
      >
        <Icon name="back" />
      </button>
      <Avatar name={title} online={online} group={peer === null} />
      <div className="room-head-words">
        <h2 className="room-title" tabIndex={-1} ref={heading}>
          {title}
        </h2>
        <p className="room-sub soft">
          {lost ? text.room.lost : peer === null ? text.room.count(count) : presence}
        </p>
      </div>
    </header>
  );
}
