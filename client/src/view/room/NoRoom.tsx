import { text } from "../../text/en";

/** Where a room would be, when there is none. */
export function NoRoom(props: { words: string; onGeneral?: (() => void) | undefined }) {
  return (
    <div className="no-room">
      <p className="soft">{props.words}</p>
      {props.onGeneral && (
        <button className="button" onClick={props.onGeneral}>
          {text.room.toGeneral}
        </button>
      )}
    </div>
  );
}
