import { text } from "../text/en";
import { useChat } from "./context";
import { Logo } from "./parts/Logo";

/** While it isn't known yet who is here, or can't be found out. */
export function StartScreen({ failed }: { failed: boolean }) {
  const chat = useChat();

  return (
    <main className="start">
      <Logo />
      <h1 className="sr-only">{text.appName}</h1>
      {failed ? (
        <div role="alert" className="start-failed">
          <p className="start-title">{text.start.unreachable}</p>
          <p className="soft">{text.start.unreachableHint}</p>
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
