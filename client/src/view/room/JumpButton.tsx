import { text } from "../../text/en";
import { Icon } from "../parts/Icon";

export function JumpButton(props: { unread: number; onClick(): void }) {
  const { unread } = props;

  return (
    <button
      className="jump"
      data-unread={unread > 0}
      aria-label={unread > 0 ? text.room.jumpUnread(unread) : text.room.jump}
      onClick={props.onClick}
    >
      <Icon name="down" />
      {unread > 0 && <span aria-hidden="true">{unread}</span>}
    </button>
  );
}
