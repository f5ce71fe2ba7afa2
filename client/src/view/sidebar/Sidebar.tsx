import { useMemo, useRef, useState } from "react";

import { onlinePeople, roomTitle, sortedRooms } from "../../state/selectors";
import { text } from "../../text/en";
import type { RoomId, UserId } from "../../wire";
import { useChat, useSelect } from "../context";
import { arrowKeys } from "../lib/arrowKeys";
import { Failed } from "../parts/Failed";
import { AccountMenu } from "./AccountMenu";
import { PeopleList } from "./PeopleList";
import { RoomList } from "./RoomList";
import { SearchBox } from "./SearchBox";
import { Skeleton } from "./Skeleton";

/** Rooms and people; the arrow keys go through both lists as one. */
export function Sidebar(props: {
  current: RoomId | null;
  onOpen(roomId: RoomId): void;
  onWrite(userId: UserId): void;
}) {
  const chat = useChat();
  const state = useSelect((s) => s);
  const [query, setQuery] = useState("");
  const lists = useRef<HTMLDivElement>(null);
  const wanted = query.trim().toLocaleLowerCase();
  const { rooms, users, outbox, drafts, current, me } = state;

  const shownRooms = useMemo(
    () =>
      sortedRooms(state).filter((room) =>
        roomTitle(state, room).toLocaleLowerCase().includes(wanted),
      ),
    [rooms, users, outbox, drafts, current, me, wanted],
  );
  const people = useMemo(
    () =>
      onlinePeople(state).filter((user) =>
        user.username.toLocaleLowerCase().includes(wanted),
      ),
    [users, me, wanted],
  );

  const toFirst = () =>
    lists.current?.querySelector<HTMLElement>(".row-button")?.focus();

  return (
    <nav className="sidebar" aria-label={text.sidebar.label}>
      <AccountMenu />
      <SearchBox value={query} onChange={setQuery} onDown={toFirst} />
      <div
        ref={lists}
        className="sidebar-lists"
        onKeyDown={(event) => arrowKeys(event, ".row-button")}
      >
        {state.roomList === "failed" && (
          <Failed
            words={text.sidebar.roomsFailed}
            onAgain={() => void chat.loadRooms()}
          />
        )}
        {state.roomList === "loading" && <Skeleton />}
        {shownRooms.length > 0 && (
          <RoomList rooms={shownRooms} current={props.current} onOpen={props.onOpen} />
        )}
        {state.people === "failed" && (
          <Failed
            words={text.sidebar.peopleFailed}
            onAgain={() => void chat.loadPeople()}
          />
        )}
        {state.people === "ready" && (people.length > 0 || wanted === "") && (
          <PeopleList people={people} onWrite={props.onWrite} />
        )}
        {wanted !== "" && shownRooms.length === 0 && people.length === 0 && (
          <p className="sidebar-nothing soft" role="status">
            {text.sidebar.nothing(query.trim())}
          </p>
        )}
      </div>
    </nav>
  );
}
