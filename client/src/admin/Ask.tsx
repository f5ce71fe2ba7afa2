import { useEffect, useId, useRef, useState } from "react";

import { adminText } from "../text/admin";

export interface Question {
  words: string;
  /** What the button says that does it. */
  yes: string;
  /** Whether it is asked for how long. */
  timed: boolean;
  run(seconds: number | null): void;
}

/** Nothing is done without being asked: a dialog, which the browser guards. */
export function Ask({ question, onClose }: { question: Question; onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [time, setTime] = useState(0);
  const wordsId = useId();
  const timeId = useId();

  useEffect(() => {
    const element = dialog.current;

    element?.showModal();

    return () => element?.close();
  }, []);

  return (
    <dialog
      ref={dialog}
      className="ask"
      aria-labelledby={wordsId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
          question.run(adminText.times[time]!.seconds);
        }}
      >
        <p id={wordsId}>{question.words}</p>
        {question.timed && (
          <p className="ask-time">
            <label htmlFor={timeId}>{adminText.howLong}</label>
            <select
              id={timeId}
              value={time}
              onChange={(event) => setTime(Number(event.target.value))}
            >
              {adminText.times.map(({ label }, i) => (
                <option key={label} value={i}>
                  {label}
                </option>
              ))}
            </select>
          </p>
        )}
        <p className="ask-buttons">
          <button type="button" className="text-button" onClick={onClose}>
            {adminText.cancel}
          </button>
          <button className="button small">{question.yes}</button>
        </p>
      </form>
    </dialog>
  );
}
