import { adminText } from "../text/admin";
import type { Restriction } from "./api";
import type { AskToAct } from "./Users";

/** Who is muted or banned, and for how long. */
export function Restricted(props: { list: Restriction[]; onAct: AskToAct }) {
  return (
    <section aria-labelledby="admin-restricted">
      <h2 id="admin-restricted">{adminText.restricted}</h2>
      {props.list.length === 0 ? (
        <p className="soft">{adminText.nobodyRestricted}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{adminText.user}</th>
              <th scope="col">{adminText.what}</th>
              <th scope="col">{adminText.actions}</th>
            </tr>
          </thead>
          <tbody>
            {props.list.map((entry) => {
              const undo = entry.kind === "mute" ? "unmute" : "unban";

              return (
                <tr key={`${entry.kind} ${entry.id}`}>
                  <th scope="row">{entry.username}</th>
                  <td>
                    {adminText.kind[entry.kind]} {adminText.left(entry.seconds)}
                  </td>
                  <td>
                    <button
                      className="text-button"
                      aria-label={`${adminText.act[undo]} ${entry.username}`}
                      onClick={() => props.onAct(undo, entry)}
                    >
                      {adminText.act[undo]}
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}
