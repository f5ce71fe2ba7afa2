import { memo } from "react";

import { linkify } from "../lib/linkify";

/** The text exactly as it was typed, with addresses made into links. */
export const MessageText = memo(function MessageText({ text }: { text: string }) {
  return (
    <p className="message-text" dir="auto">
      {linkify(text).map((part, i) =>
        part.href === undefined ? (
          part.text
        ) : (
          <a
            key={i}
            href={part.href}
            target="_blank"
            rel="noopener noreferrer nofollow"
          >
            {part.text}
          </a>
        ),
      )}
    </p>
  );
});
