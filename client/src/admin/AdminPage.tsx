/*
 * The page at /admin, for those whom chat_admins names.  It has no socket: the
 * server is asked every few seconds.
 */

import { useEffect, useState } from "react";

import { adminText } from "../text/admin";
import { describe } from "../text/describe";
import type { Base } from "../transport/base";
import type { Message } from "../transport/normalise";
import { Logo } from "../view/parts/Logo";
import "./admin.css";
import type { AdminRoom } from "./api";
import { Ask, type Question } from "./Ask";
import { Charts } from "./Charts";
import { Messages } from "./Messages";
import { Restricted } from "./Restricted";
import { Rooms } from "./Rooms";
import { useAdmin } from "./useAdmin";
import { Users, type AskToAct } from "./Users";

export function AdminPage({ base }: { base: Base }) {
  const admin = useAdmin(base);
  const { api, lists, problem } = admin;
  const [question, setQuestion] = useState<Question | null>(null);
  const [said, setSaid] = useState("");
  const [room, setRoom] = useState<AdminRoom | null>(null);
  const [deletions, setDeletions] = useState(0);

  useEffect(() => {
    document.title = adminText.title;
  }, []);

  const run = async (work: Promise<void>, done: string) => {
    try {
      await work;
      setSaid(done);
    } catch (error) {
      setSaid(describe(error));
    }

    await admin.refresh();
  };

  const onAct: AskToAct = (act, user) =>
    setQuestion({
      words: adminText.ask[act](user.username),
      yes: adminText.act[act],
      timed: act === "mute" || act === "ban",
      run: (seconds) =>
        void run(
          api.act(
            act,
            user.id,
            act === "mute" || act === "ban" ? seconds : undefined,
          ),
          adminText.done[act](user.username),
        ),
    });

  const onDelete = (message: Message) =>
    setQuestion({
      words: adminText.askDelete,
      yes: adminText.remove,
      timed: false,
      run: () =>
        void run(
          api
            .deleteMessage(message.roomId, message.id)
            .finally(() => setDeletions((n) => n + 1)),
          adminText.deleted,
        ),
    });

  return (
    <div className="admin">
      <header className="admin-row admin-head">
        <Logo />
        <h1>{adminText.heading}</h1>
        <a href="./">{adminText.toChat}</a>
      </header>
      <main>
        <p className="admin-said" role="status">
          {said}
        </p>
        {admin.denied !== null ? (
          <p role="alert">
            {admin.denied === 404 ? adminText.none : adminText.refused}
          </p>
        ) : lists === null ? (
          <p className="soft" role="status">
            {problem ?? adminText.loading}
          </p>
        ) : (
          <>
            {problem && <p role="alert">{adminText.stale(problem)}</p>}
            {lists.missing > 0 && <p>{adminText.missing(lists.missing)}</p>}
            <Charts series={admin.series} />
            <Users admin={admin} onAct={onAct} />
            <Restricted list={lists.restricted} onAct={onAct} />
            <Rooms rooms={lists.rooms} onShow={setRoom} />
            {room && (
              <Messages
                key={room.id}
                api={api}
                room={room}
                version={deletions}
                onDelete={onDelete}
                onClose={() => setRoom(null)}
              />
            )}
          </>
        )}
      </main>
      {question && <Ask question={question} onClose={() => setQuestion(null)} />}
    </div>
  );
}
