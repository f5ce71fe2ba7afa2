import { useEffect, useState } from "react";

import { adminText } from "../text/admin";
import { describe } from "../text/describe";
import type { Message } from "../transport/normalise";
import { fullOf, isoOf } from "../view/lib/times";
import type { AdminApi, AdminRoom } from "./api";

const SIZE = 30;

interface Shown {
  messages: Message[];
  names: Record<string, string>;
}

async function newest(api: AdminApi, room: AdminRoom): Promise<Shown> {
  const messages = (await api.messages(room.id, { size: SIZE })).reverse();
  const users = await api.users([...new Set(messages.map((m) => m.from))]);

  return {
    messages,
    names: Object.fromEntries(users.map((user) => [user.id, user.username])),
  };
}

/** The newest messages of a room, each of which can be deleted. */
export function Messages(props: {
  api: AdminApi;
  room: AdminRoom;
  /** Counts up when one was deleted. */
  version: number;
  onDelete(message: Message): void;
  onClose(): void;
}) {
  const { api, room, version } = props;
  const [shown, setShown] = useState<Shown | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const title = room.name || room.id;

  useEffect(() => {
    let current = true;

    newest(api, room).then(
      (read) => current && setShown(read),
      (error: unknown) => current && setProblem(describe(error)),
    );

    return () => {
      current = false;
    };
  }, [api, room, version]);

  return (
    <section aria-labelledby="admin-messages">
      <div className="admin-row">
        <h2 id="admin-messages">{adminText.messagesOf(title)}</h2>
        <button className="text-button" onClick={props.onClose}>
          {adminText.close}
        </button>
      </div>
      {problem && <p role="alert">{problem}</p>}
      {!problem && !shown && <p className="soft">{adminText.loading}</p>}
      {shown?.messages.length === 0 && <p className="soft">{adminText.noMessages}</p>}
      <ul className="admin-messages">
        {shown?.messages.map((message) => (
          <li key={message.id} className="admin-row">
            <p>
              <strong>{adminText.said(shown.names[message.from] ?? message.from)}</strong>{" "}
              {message.text}{" "}
              <time className="soft" dateTime={isoOf(message.date)}>
                {fullOf(message.date)}
              </time>
            </p>
            <button
              className="text-button"
              aria-label={adminText.removeOf(message.text)}
              onClick={() => props.onDelete(message)}
            >
              {adminText.remove}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
