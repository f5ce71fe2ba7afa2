import { text } from "../../text/en";
import { Avatar } from "../parts/Avatar";

/** Ready-made users, where the site says that it has them. */
export function DemoUsers(props: { names: string[]; onPick(name: string): void }) {
  return (
    <section className="demo" aria-labelledby="demo-title">
      <h2 id="demo-title" className="demo-title">
        {text.login.demo}
      </h2>
      <ul className="demo-list">
        {props.names.map((name) => (
          <li key={name}>
            <button
              type="button"
              className="demo-user"
              title={text.login.demoHint(name)}
              onClick={() => props.onPick(name)}
            >
              <Avatar name={name} />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
