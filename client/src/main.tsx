/* The entry: builds the chat and shows it. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Chat } from "./state/chat";
import { browserEnvironment } from "./state/environment";
import { baseOf } from "./transport/base";
import { App } from "./view/App";
import { ChatContext } from "./view/context";
import "./view/styles/tokens.css";
import "./view/styles/base.css";
import "./view/styles/login.css";
import "./view/styles/shell.css";
import "./view/styles/sidebar.css";
import "./view/styles/room.css";

const chat = new Chat(browserEnvironment(baseOf(document.baseURI)));

void chat.start();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ChatContext value={chat}>
      <App />
    </ChatContext>
  </StrictMode>,
);
