import { useRef } from "react";

import { text } from "../../text/en";
import { Icon } from "../parts/Icon";

export function SearchBox(props: {
  value: string;
  onChange(value: string): void;
  /** Arrow down: on to the lists. */
  onDown(): void;
}) {
  const input = useRef<HTMLInputElement>(null);

  return (
    <div className="search" role="search">
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        enterKeyHint="search"
        autoComplete="off"
        spellCheck={false}
        aria-label={text.sidebar.search}
        placeholder={text.sidebar.search}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && props.value !== "") {
            event.stopPropagation();
            props.onChange("");
          } else if (event.key === "ArrowDown" || event.key === "Enter") {
            event.preventDefault();
            props.onDown();
          }
        }}
      />
      {props.value !== "" && (
        <button
          className="icon-button"
          aria-label={text.sidebar.clearSearch}
          onClick={() => {
            props.onChange("");
            input.current?.focus();
          }}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
