import { useId, useState } from "react";

import { text } from "../../text/en";
import { Icon } from "../parts/Icon";

export function PasswordField(props: {
  label: string;
  name: string;
  value: string;
  isNew: boolean;
  invalid: boolean;
  describedBy: string | undefined;
  onChange(value: string): void;
}) {
  const id = useId();
  const [shown, setShown] = useState(false);

  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <div className="field-box">
        <input
          id={id}
          name={props.name}
          type={shown ? "text" : "password"}
          autoComplete={props.isNew ? "new-password" : "current-password"}
          autoCapitalize="off"
          spellCheck={false}
          value={props.value}
          aria-invalid={props.invalid}
          aria-describedby={props.describedBy}
          onChange={(event) => props.onChange(event.target.value)}
        />
        <button
          type="button"
          className="icon-button"
          aria-label={shown ? text.login.hide : text.login.show}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? "eyeOff" : "eye"} />
        </button>
      </div>
    </div>
  );
}
