/* How components reach the chat and its state. */

import { createContext, use, useSyncExternalStore } from "react";

import type { Chat } from "../state/chat";
import type { State } from "../state/types";

export const ChatContext = createContext<Chat | null>(null);

export function useChat(): Chat {
  const chat = use(ChatContext);

  if (!chat) {
    throw new Error("no chat around this component");
  }

  return chat;
}

/** `select` has to return a part of the state as it is, not a new object. */
export function useSelect<T>(select: (state: State) => T): T {
  const { store } = useChat();

  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
