import type { Room } from "../../state/types";
import { text } from "../../text/en";
import type { RoomId } from "../../wire";
import { RoomRow } from "./RoomRow";

export function RoomList(props: {
  rooms: Room[];
  current: RoomId | null;
  onOpen(roomId: RoomId): void;
}) {
  return (
    <section aria-labelledby="rooms-title">
      <h2 id="rooms-title" className="list-title">
        {text.sidebar.rooms}
      </h2>
      <ul className="rows">
        {props.rooms.map((room) => (
          <li key={room.id}>
            <RoomRow
              room={room}
              current={room.id === props.current}
              onOpen={props.onOpen}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
