import { useEffect, useRef, useState } from "react";

import { text } from "../../text/en";
import { useChat, useSelect } from "../context";
import { Avatar } from "../parts/Avatar";
import { Icon } from "../parts/Icon";
import { NotificationSwitch } from "./NotificationSwitch";

/** Who is logged in, and what concerns them: a panel that opens below. */
export function AccountMenu() {
  const chat = useChat();
  const me = useSelect((state) => state.me);
  const bySite = useSelect((state) => state.bySite);
  const github = useSelect((state) => state.links.github);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) {
      return undefined;
    }

    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };

    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);

    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);

  if (!me) {
    return null;
  }

  const logOut = async (everywhere: boolean) => {
    setBusy(true);
    await chat.logout(everywhere);
    setBusy(false);
    setOpen(false);
  };

  return (
    <div
      className="account"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          setOpen(false);
          button.current?.focus();
        }
      }}
    >
      <button
        ref={button}
        className="account-button"
        aria-expanded={open}
        aria-controls="account-panel"
        onClick={() => setOpen(!open)}
      >
        <Avatar name={me.username} />
        <span className="sr-only">{text.account.menu} </span>
        <span className="account-name">{me.username}</span>
        <Icon name="more" />
      </button>
      <div id="account-panel" className="account-panel" hidden={!open}>
        <p className="account-as soft">
          {text.account.signedInAs} <strong>{me.username}</strong>
        </p>
        {chat.notificationsSupported && <NotificationSwitch />}
        {github && (
          <a
            className="menu-item"
            href={github}
            target="_blank"
            rel="noopener noreferrer"
          >
            <Icon name="code" />
            {text.account.source}
          </a>
        )}
        {!bySite && (
          <>
            <button
              className="menu-item"
              disabled={busy}
              onClick={() => void logOut(false)}
            >
              <Icon name="logOut" />
              {text.account.logOut}
            </button>
            <button className="menu-item" disabled={busy} onClick={() => void logOut(true)}>
              <Icon name="devices" />
              {text.account.logOutEverywhere}
            </button>
          </>
        )}
      </div>
    </div>
  );
}
