import { useEffect, useLayoutEffect } from "react";

import { text } from "../text/en";
import { peerOf } from "../state/selectors";
import { useChat, useSelect } from "./context";
import { useRoute } from "./lib/useRoute";
import { useTitle } from "./lib/useTitle";
import { LinkBanner } from "./LinkBanner";
import { NoticeBar } from "./NoticeBar";
import { RoomPane } from "./room/RoomPane";
import { Sidebar } from "./sidebar/Sidebar";

/** The chat itself: list beside room, or on a phone one of them. */
export function Shell() {
  const chat = useChat();
  const { roomId, go } = useRoute();
  const roomList = useSelect((state) => state.roomList);
  const known = useSelect((state) => roomId !== null && roomId in state.rooms);
  const current = useSelect((state) => state.current);
  const meId = useSelect((state) => state.me?.id);

  useTitle();

  /*
   * What is shown follows the state and not the address: where new messages
   * begin is decided when a room is opened, before any of it is shown.
   */
  useLayoutEffect(() => chat.open(roomId), [chat, roomId]);

  /* A private room without messages isn't in the list of rooms. */
  useEffect(() => {
    if (roomList === "ready" && !known && roomId !== null) {
      const peer = peerOf(roomId, meId);

      if (peer !== null && meId !== undefined && roomId.split(":").includes(meId)) {
        void chat.openPrivate(peer);
      }
    }
  }, [chat, roomList, known, roomId, meId]);

  const write = async (userId: string) => {
    const id = await chat.openPrivate(userId);

    if (id !== null) {
      go(id);
    }
  };

  return (
    <div className="shell" data-room={roomId !== null}>
      <h1 className="sr-only">{text.appName}</h1>
      <LinkBanner />
      <Sidebar current={roomId} onOpen={go} onWrite={(id) => void write(id)} />
      <RoomPane
        key={current}
        roomId={current}
        onBack={() => go(null)}
        onGeneral={() => go("0")}
        onWrite={(id) => void write(id)}
      />
      <NoticeBar />
    </div>
  );
}
