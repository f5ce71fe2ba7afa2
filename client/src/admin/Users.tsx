import { useState, type FormEvent } from "react";

import { adminText } from "../text/admin";
import type { Act, Connection, OnlineUser } from "./api";
import type { Admin } from "./useAdmin";

const ACTS: Act[] = ["kick", "mute", "ban", "revoke"];

export type AskToAct = (act: Act, user: { id: string; username: string }) => void;

/** Who is online and from where, with what can be done about it. */
export function Users({ admin, onAct }: { admin: Admin; onAct: AskToAct }) {
  const [search, setSearch] = useState("");
  const [found, setFound] = useState<OnlineUser | null>(null);
  const [nobody, setNobody] = useState("");
  const lists = admin.lists!;
  const wanted = search.trim().toLowerCase();
  const shown = lists.users.filter((u) => u.username.toLowerCase().includes(wanted));
  const away = found && !lists.users.some((u) => u.id === found.id) ? [found] : [];

  const find = async (event: FormEvent) => {
    event.preventDefault();

    const name = search.trim();
    const user = name === "" ? null : await admin.find(name);

    /* Undefined: it couldn't be asked, which the page says. */
    setFound(user ?? null);
    setNobody(user === null ? name : "");
  };

  return (
    <section aria-labelledby="admin-users">
      <h2 id="admin-users">{adminText.users(lists.online)}</h2>
      <form className="admin-search" role="search" onSubmit={(e) => void find(e)}>
        <label htmlFor="admin-search" className="sr-only">
          {adminText.search}
        </label>
        <input
          id="admin-search"
          type="search"
          autoComplete="off"
          placeholder={adminText.search}
          aria-describedby="admin-search-hint"
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            setFound(null);
            setNobody("");
          }}
        />
        <button className="text-button">{adminText.find}</button>
      </form>
      <p id="admin-search-hint" className="soft admin-hint" role="status">
        {nobody === "" ? adminText.findHint : adminText.noMatch(nobody)}
      </p>
      {shown.length + away.length === 0 ? (
        <p className="soft">{wanted === "" && adminText.nobody}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{adminText.user}</th>
              <th scope="col">{adminText.connections}</th>
              <th scope="col">{adminText.actions}</th>
            </tr>
          </thead>
          <tbody>
            {[...shown, ...away].map((user) => (
              <tr key={user.id}>
                <th scope="row">{user.username}</th>
                <td>
                  <Connections user={user} />
                </td>
                <td>
                  <Buttons user={user} onAct={onAct} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {lists.moreUsers && (
        <button className="text-button" onClick={admin.showMore}>
          {adminText.more}
        </button>
      )}
    </section>
  );
}

function Connections({ user }: { user: OnlineUser }) {
  if (user.connections.length === 0) {
    return <span className="soft">{adminText.away}</span>;
  }

  return (
    <ul>
      {user.connections.map((connection, i) => (
        <li key={i}>
          <One connection={connection} />
        </li>
      ))}
      {user.count > user.connections.length && (
        <li className="soft">
          {adminText.moreConnections(user.count - user.connections.length)}
        </li>
      )}
    </ul>
  );
}

function One({ connection }: { connection: Connection }) {
  const { transport, address, seconds, session } = connection;

  return (
    <>
      {adminText.from(address)}{" "}
      <span className="soft">
        {adminText.transport[transport]} {adminText.since(seconds)}{" "}
        <code>{session.slice(0, 4)}</code>
      </span>
    </>
  );
}

function Buttons({ user, onAct }: { user: OnlineUser; onAct: AskToAct }) {
  return (
    <div className="acts" role="group" aria-label={adminText.actionsFor(user.username)}>
      {ACTS.map((act) => (
        <button key={act} className="text-button" onClick={() => onAct(act, user)}>
          {adminText.act[act]}
        </button>
      ))}
    </div>
  );
}
