import { peerOf } from "../../state/selectors";
import { text } from "../../text/en";
import type { RoomId } from "../../wire";
import { useSelect } from "../context";

const NAMED = 3;

/** A quiet line that says who has come and gone, for a moment. */
export function PresenceLine({ roomId }: { roomId: RoomId }) {
  const notes = useSelect((state) => state.notes);
  const users = useSelect((state) => state.users);
  const meId = useSelect((state) => state.me?.id);
  const peer = peerOf(roomId, meId);
  const shown = notes.filter((note) => peer === null || note.userId === peer);

  /* Only the last word about everybody. */
  const latest = new Map(shown.map((note) => [note.userId, note.online]));

  const names = (online: boolean): string[] => {
    const all = [...latest]
      .filter(([, is]) => is === online)
      .map(([id]) => users[id]?.username ?? text.room.somebody(id));

    return all.length > NAMED
      ? text.presence.others(all.slice(0, NAMED), all.length - NAMED)
      : all;
  };

  const connected = names(true);
  const left = names(false);
  const words = [
    connected.length > 0 ? text.presence.connected(connected) : "",
    left.length > 0 ? text.presence.left(left) : "",
  ].filter(Boolean);

  return (
    <p className="presence" role="status">
      {words.join(" · ")}
    </p>
  );
}
