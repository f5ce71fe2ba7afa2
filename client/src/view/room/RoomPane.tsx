import { GENERAL } from "../../state/types";
import { text } from "../../text/en";
import type { RoomId, UserId } from "../../wire";
import { useChat, useSelect } from "../context";
import { isWide } from "../lib/screen";
import { Failed } from "../parts/Failed";
import { Composer } from "./Composer";
import { LiveRegion } from "./LiveRegion";
import { MessageList } from "./MessageList";
import { NoRoom } from "./NoRoom";
import { PresenceLine } from "./PresenceLine";
import { RoomHeader } from "./RoomHeader";

export function RoomPane(props: {
  roomId: RoomId | null;
  onBack(): void;
  onGeneral(): void;
  onWrite(userId: UserId): void;
}) {
  const { roomId } = props;
  const chat = useChat();
  const room = useSelect((state) =>
    roomId === null ? undefined : state.rooms[roomId],
  );
  const roomList = useSelect((state) => state.roomList);

  if (!room) {
    const unknown = roomId !== null && roomId !== GENERAL && roomList === "ready";
    const words = unknown
      ? text.room.unknown
      : roomList === "failed"
        ? text.sidebar.roomsFailed
        : "";

    return (
      <main className="room">
        <NoRoom words={words} onGeneral={unknown ? props.onGeneral : undefined} />
      </main>
    );
  }

  return (
    <main
      className="room"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.nativeEvent.isComposing) {
          if (isWide()) {
            event.currentTarget.querySelector("textarea")?.focus();
          } else {
            props.onBack();
          }
        }
      }}
    >
      <RoomHeader room={room} onBack={props.onBack} />
      <div className="room-middle">
        {room.newest === "failed" ? (
          <Failed words={text.room.failed} onAgain={() => chat.retryNewest(room.id)} />
        ) : room.newest === "ready" ? (
          <MessageList room={room} onWrite={props.onWrite} />
        ) : (
          <p className="room-loading soft" role="status">
            {text.room.loading}
          </p>
        )}
      </div>
      <PresenceLine roomId={room.id} />
      <Composer room={room} />
      <LiveRegion room={room} />
    </main>
  );
}
