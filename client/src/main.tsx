/* The entry: builds the chat, or, at /admin, the admins' page, and shows it. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Chat } from "./state/chat";
import { browserEnvironment } from "./state/environment";
import { isAdminPage } from "./state/route";
import { baseOf } from "./transport/base";
import { App } from "./view/App";
import { ChatContext } from "./view/context";
import "./view/styles/tokens.css";
import "./view/styles/base.css";
import "./view/styles/login.css";
import "./view/styles/shell.css";
import "./view/styles/sidebar.css";
import "./view/styles/room.css";

const root = createRoot(document.getElementById("root")!);
const base = baseOf(document.baseURI);

if (isAdminPage(document.baseURI)) {
  /* Of no use to most people, so it is not in what all of them load. */
  void import("./admin/AdminPage").then(({ AdminPage }) =>
    root.render(
      <StrictMode>
        <AdminPage base={base} />
      </StrictMode>,
    ),
  );
} else {
  const chat = new Chat(browserEnvironment(base));

  void chat.start();

  root.render(
    <StrictMode>
      <ChatContext value={chat}>
        <App />
      </ChatContext>
    </StrictMode>,
  );
}
