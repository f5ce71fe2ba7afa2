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
  /** In General, names lead to private rooms. */
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
        data-first={props.first}
        data-last={props.last}
        data-state={item?.state}
      >
        {!mine && props.first && (
          <Author name={shown} userId={from} onWrite={props.onWrite} />
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

function Author(props: {
  name: string;
  userId: UserId;
  onWrite: ((userId: UserId) => void) | undefined;
}) {
  const { name, userId, onWrite } = props;

  if (!onWrite) {
    return (
      <div className="author">
        <Avatar name={name} />
        <span className="author-name">{name}</span>
      </div>
    );
  }

  return (
    <button
      className="author"
      title={`${text.message.writeTo} ${name}`}
      onClick={() => onWrite(userId)}
    >
      <Avatar name={name} />
      <span className="sr-only">{text.message.writeTo} </span>
      <span className="author-name">{name}</span>
    </button>
  );
}
