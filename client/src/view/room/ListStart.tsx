import { peerOf, roomTitle } from "../../state/selectors";
import type { Room } from "../../state/types";
import { text } from "../../text/en";
import { useChat, useSelect } from "../context";

/** What is above the oldest message that is loaded. */
export function ListStart({ room }: { room: Room }) {
  const chat = useChat();
  const title = useSelect((state) => roomTitle(state, room));
  const meId = useSelect((state) => state.me?.id);
  const waiting = useSelect((state) => state.outbox.some((i) => i.roomId === room.id));
  const isPrivate = peerOf(room.id, meId) !== null;

  if (room.older === "failed") {
    return (
      <div className="list-start" role="alert">
        <span>{text.room.olderFailed}</span>{" "}
        <button className="link-button" onClick={() => void chat.loadOlder(room.id)}>
          {text.error.again}
        </button>
      </div>
    );
  }

  if (room.older !== "ready") {
    return (
      <div className="list-start soft">
        {room.older === "loading" ? text.room.olderLoading : "\u00a0"}
      </div>
    );
  }

  if (room.messages.length === 0 && !waiting && !isPrivate) {
    return <div className="list-start soft">{text.room.empty}</div>;
  }

  return (
    <div className="list-start soft">
      {isPrivate ? text.room.emptyPrivate(title) : text.room.beginning}
    </div>
  );
}
