import { useCallback, useSyncExternalStore } from "react";

import { hashOf, roomOf } from "../../state/route";
import { GENERAL } from "../../state/types";
import type { RoomId } from "../../wire";
import { isWide, subscribeWide } from "./screen";

function subscribe(listener: () => void): () => void {
  const stopWide = subscribeWide(listener);

  window.addEventListener("hashchange", listener);

  return () => {
    stopWide();
    window.removeEventListener("hashchange", listener);
  };
}

/* Where there is place for both, General is open when nothing else is. */
function current(): RoomId | null {
  return roomOf(window.location.hash) ?? (isWide() ? GENERAL : null);
}

export function useRoute(): { roomId: RoomId | null; go: (id: RoomId | null) => void } {
  const roomId = useSyncExternalStore(subscribe, current);
  const go = useCallback((id: RoomId | null) => {
    window.location.hash = hashOf(id);
  }, []);

  return { roomId, go };
}
