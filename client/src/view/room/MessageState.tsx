import type { OutboxItem } from "../../transport/outbox";
import { text } from "../../text/en";
import { useChat, useSelect } from "../context";
import { Icon } from "../parts/Icon";

/** How far a message of one's own has come. */
export function MessageState({ item }: { item: OutboxItem | undefined }) {
  const online = useSelect((state) => state.link === "online");

  if (!item) {
    return (
      <span className="message-state" data-state="sent" title={text.message.sent}>
        <Icon name="check" />
        <span className="sr-only">{text.message.sent}</span>
      </span>
    );
  }

  if (item.state === "failed") {
    return null;
  }

  return (
    <span className="message-state" data-state={online ? "sending" : "waiting"}>
      <Icon name="clock" />
      <span className={online ? "sr-only" : undefined}>
        {online ? text.message.sending : text.message.waiting}
      </span>
    </span>
  );
}

/** What can be done about a message that couldn't be sent. */
export function MessageFailed({ item }: { item: OutboxItem }) {
  const chat = useChat();

  return (
    <div className="message-failed" role="alert">
      <p>
        <Icon name="alert" />
        <span>
          {text.message.failed} {item.error || text.message.failedUnknown}
        </span>
      </p>
      <div className="message-actions">
        <button className="link-button" onClick={() => chat.retry(item.nonce)}>
          {text.message.again}
        </button>
        <button className="link-button" onClick={() => chat.edit(item.nonce)}>
          {text.message.edit}
        </button>
        <button className="link-button" onClick={() => chat.discard(item.nonce)}>
          {text.message.discard}
        </button>
      </div>
    </div>
  );
}
