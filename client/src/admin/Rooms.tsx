import { adminText } from "../text/admin";
import type { AdminRoom } from "./api";

/** General and named rooms that somebody is in. */
export function Rooms(props: { rooms: AdminRoom[]; onShow(room: AdminRoom): void }) {
  return (
    <section aria-labelledby="admin-rooms">
      <h2 id="admin-rooms">{adminText.rooms}</h2>
      <p className="soft admin-hint">{adminText.private}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">{adminText.room}</th>
            <th scope="col">{adminText.members}</th>
            <th scope="col">{adminText.messages}</th>
            <th scope="col">{adminText.actions}</th>
          </tr>
        </thead>
        <tbody>
          {props.rooms.map((room) => (
            <tr key={room.id}>
              <th scope="row">{room.name || room.id}</th>
              <td data-label={adminText.members}>{room.members}</td>
              <td data-label={adminText.messages}>{room.messages}</td>
              <td>
                <button
                  className="text-button"
                  aria-label={adminText.showOf(room.name || room.id)}
                  onClick={() => props.onShow(room)}
                >
                  {adminText.show}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
