import { text } from "../../text/en";

/** Chooses between logging in and creating an account. */
export function ModeSwitch(props: {
  creating: boolean;
  onChange(creating: boolean): void;
}) {
  const option = (creating: boolean, label: string) => (
    <label className="mode">
      <input
        type="radio"
        name="mode"
        className="sr-only"
        checked={props.creating === creating}
        onChange={() => props.onChange(creating)}
      />
      <span>{label}</span>
    </label>
  );

  return (
    <fieldset className="modes">
      <legend className="sr-only">{text.login.modes}</legend>
      {option(false, text.login.logIn)}
      {option(true, text.login.create)}
    </fieldset>
  );
}
