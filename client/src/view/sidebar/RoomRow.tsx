import { memo } from "react";

import { isOnline, lastMessage, peerOf, roomTitle } from "../../state/selectors";
import { GENERAL, type Room } from "../../state/types";
import { text } from "../../text/en";
import type { RoomId } from "../../wire";
import { useSelect } from "../context";
import { briefLabel, fullOf, isoOf } from "../lib/times";
import { Avatar } from "../parts/Avatar";

export const RoomRow = memo(function RoomRow(props: {
  room: Room;
  current: boolean;
  onOpen(roomId: RoomId): void;
}) {
  const { room } = props;
  const meId = useSelect((state) => state.me?.id);
  const title = useSelect((state) => roomTitle(state, room));
  const peer = peerOf(room.id, meId);
  const online = useSelect((state) => isOnline(state, peer));
  const last = lastMessage(room);

  return (
    <button
      className="row-button room-row"
      aria-current={props.current ? "true" : undefined}
      data-unread={room.unread > 0}
      data-room-id={room.id}
      onClick={() => props.onOpen(room.id)}
    >
      <Avatar name={title} online={online} group={peer === null} />
      <span className="room-row-name">
        <span>{title}</span>
        {online && <span className="sr-only">, {text.sidebar.online}</span>}
      </span>
      {last && (
        <time
          className="room-row-time"
          dateTime={isoOf(last.date)}
          title={fullOf(last.date)}
        >
          {briefLabel(last.date)}
        </time>
      )}
      <Preview room={room} peer={peer} />
      {room.unread > 0 && (
        <span className="badge">
          <span aria-hidden="true">
            {text.sidebar.badge(room.unread, room.unreadMore)}
          </span>
          <span className="sr-only">
            {text.sidebar.unread(room.unread, room.unreadMore)}
          </span>
        </span>
      )}
    </button>
  );
});

/** The draft when there is one and the room isn't open, or the last words. */
function Preview({ room, peer }: { room: Room; peer: string | null }) {
  const draft = useSelect((state) =>
    state.current === room.id ? undefined : state.drafts[room.id],
  );
  const meId = useSelect((state) => state.me?.id);
  const last = lastMessage(room);
  const author = useSelect((state) => last && state.users[last.from]?.username);

  if (draft !== undefined) {
    return (
      <span className="room-row-last">
        <span className="room-row-draft">{text.sidebar.draft}</span> {draft}
      </span>
    );
  }

  if (!last) {
    return (
      <span className="room-row-last">
        {room.newest === "ready" ? text.sidebar.noMessages : "\u00a0"}
      </span>
    );
  }

  let who = "";

  if (last.from === meId) {
    who = `${text.sidebar.you} `;
  } else if (peer === null && author !== undefined && room.id === GENERAL) {
    who = `${author}: `;
  }

  return (
    <span className="room-row-last">
      {who}
      {last.text}
    </span>
  );
}
