import { memo } from "react";

import type { OutboxItem } from "../../transport/outbox";
import { text } from "../../text/en";
import type { UserId } from "../../wire";
import { useSelect } from "../context";
import { fullOf, isoOf, timeOf } from "../lib/times";
import { Avatar } from "../parts/Avatar";
import { DayLine } from "./DayLine";
import { MessageFailed, MessageState } from "./MessageState";
import { MessageText } from "./MessageText";

export interface MessageRowProps {
  index: number;
  position: number;
  from: UserId;
  date: number;
  words: string;
  item: OutboxItem | undefined;
  mine: boolean;
  first: boolean;
  last: boolean;
  day: boolean;
  line: boolean;
  /** In General; where there are only two, nobody has to be named. */
  onWrite: ((userId: UserId) => void) | undefined;
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { from, date, item, mine } = props;
  const name = useSelect((state) => state.users[from]?.username);
  const shown = name ?? text.room.somebody(from);

  return (
    <div className="message-row" data-index={props.index}>
      {props.day && <DayLine date={date} />}
      {props.line && (
        <div className="new-line">
          <span>{text.room.newMessages}</span>
        </div>
      )}
      <article
        className="message"
        tabIndex={-1}
        aria-posinset={props.position}
        aria-setsize={-1}
        aria-label={mine ? text.room.you : shown}
        data-mine={mine}
        data-named={props.onWrite !== undefined}
        data-first={props.first}
        data-last={props.last}
        data-state={item?.state}
      >
        {!mine && props.first && props.onWrite && (
          <Author name={shown} onWrite={() => props.onWrite?.(from)} />
        )}
        <div className="bubble">
          <MessageText text={props.words} />
          <span className="message-meta">
            <time dateTime={isoOf(date)} title={fullOf(date)}>
              {timeOf(date)}
            </time>
            {mine && <MessageState item={item} />}
          </span>
        </div>
        {item?.state === "failed" && <MessageFailed item={item} />}
      </article>
    </div>
  );
});

/* Names and pictures lead to private rooms. */
function Author({ name, onWrite }: { name: string; onWrite(): void }) {
  return (
    <button
      className="author"
      title={`${text.message.writeTo} ${name}`}
      onClick={onWrite}
    >
      <Avatar name={name} />
      <span className="sr-only">{text.message.writeTo} </span>
      <span className="author-name">{name}</span>
    </button>
  );
}
