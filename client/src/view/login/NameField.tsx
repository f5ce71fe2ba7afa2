import { useId, type Ref } from "react";

import { text } from "../../text/en";
import { Icon } from "../parts/Icon";

export function NameField(props: {
  value: string;
  inputRef: Ref<HTMLInputElement>;
  invalid: boolean;
  describedBy: string | undefined;
  onChange(value: string): void;
  /** Missing where a new name makes no sense. */
  onSuggest?: (() => void) | undefined;
  suggesting: boolean;
}) {
  const id = useId();

  return (
    <div className="field">
      <label htmlFor={id}>{text.login.name}</label>
      <div className="field-box">
        <input
          id={id}
          ref={props.inputRef}
          name="username"
          autoComplete="username"
          autoCapitalize="off"
          spellCheck={false}
          value={props.value}
          aria-invalid={props.invalid}
          aria-describedby={props.describedBy}
          onChange={(event) => props.onChange(event.target.value)}
        />
        {props.onSuggest && (
          <button
            type="button"
            className="text-button"
            disabled={props.suggesting}
            onClick={props.onSuggest}
          >
            <Icon name="dice" />
            {text.login.suggest}
          </button>
        )}
      </div>
    </div>
  );
}
