import { text } from "../../text/en";
import type { UserId, WireUser } from "../../wire";
import { useSelect } from "../context";
import { Avatar } from "../parts/Avatar";

const SHOWN = 200;

/** Everybody who is online; a click writes to them. */
export function PeopleList(props: {
  people: WireUser[];
  onWrite(userId: UserId): void;
}) {
  const { people } = props;
  const lost = useSelect((state) => state.link === "lost");

  return (
    <section aria-labelledby="people-title">
      <h2 id="people-title" className="list-title">
        {text.sidebar.people}
        <span className="list-count">{people.length}</span>
      </h2>
      {people.length === 0 && (
        <p className="sidebar-nothing soft">{text.sidebar.nobody}</p>
      )}
      <ul className="rows">
        {people.slice(0, SHOWN).map((user) => (
          <li key={user.id}>
            <button
              className="row-button person-row"
              onClick={() => props.onWrite(user.id)}
            >
              <Avatar name={user.username} online={!lost} />
              <span className="sr-only">{text.sidebar.writeTo} </span>
              <span className="person-name">{user.username}</span>
            </button>
          </li>
        ))}
      </ul>
      {people.length > SHOWN && (
        <p className="sidebar-nothing soft">
          {text.sidebar.more(people.length - SHOWN)}
        </p>
      )}
    </section>
  );
}
