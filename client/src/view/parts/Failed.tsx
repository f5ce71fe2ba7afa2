import { text } from "../../text/en";

/** Stands where something couldn't be loaded. */
export function Failed(props: { words: string; onAgain(): void }) {
  return (
    <div className="failed" role="alert">
      <p>{props.words}</p>
      <button className="button small" onClick={props.onAgain}>
        {text.error.again}
      </button>
    </div>
  );
}
