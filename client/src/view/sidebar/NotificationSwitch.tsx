import { text } from "../../text/en";
import { useChat, useSelect } from "../context";
import { Icon } from "../parts/Icon";

export function NotificationSwitch() {
  const chat = useChat();
  const on = useSelect((state) => state.notifications);

  return (
    <button
      className="menu-item"
      role="switch"
      aria-checked={on}
      aria-describedby="notify-hint"
      onClick={() => void chat.setNotifications(!on)}
    >
      <Icon name="bell" />
      <span className="menu-words">
        <span>{text.account.notifications}</span>
        <span id="notify-hint" className="menu-hint soft">
          {text.account.notificationsHint}
        </span>
      </span>
      <span className="switch" aria-hidden="true" />
    </button>
  );
}
