import { text } from "../text/en";
import { useChat } from "./context";
import { Logo } from "./parts/Logo";

/**
 * While it isn't known yet who is here, or can't be found out; or the site
 * whose log-in counts has nobody.
 */
export function StartScreen(props: { problem: "unreachable" | "outside" | null }) {
  const chat = useChat();
  const problem = props.problem && text.start[props.problem];

  return (
    <main className="start">
      <Logo />
      <h1 className="sr-only">{text.appName}</h1>
      {problem ? (
        <div role="alert" className="start-failed">
          <p className="start-title">{problem.title}</p>
          <p className="soft">{problem.hint}</p>
          <button className="button" onClick={() => void chat.start()}>
            {text.start.again}
          </button>
        </div>
      ) : (
        <p className="soft start-loading" role="status">
          {text.start.loading}
        </p>
      )}
    </main>
  );
}
