import { text } from "../../text/en";

/** The mark: a speech bubble with an N drawn in one stroke. */
export function Logo() {
  return (
    <div className="logo" aria-hidden="true">
      <svg viewBox="0 0 32 32">
        <path
          className="logo-bubble"
          d="M9 2h14a7 7 0 0 1 7 7v9a7 7 0 0 1-7 7h-8l-6.4 5.1A1 1 0 0 1 7 29.3V24.7A7 7 0 0 1 2 18V9a7 7 0 0 1 7-7z"
        />
        <path className="logo-stroke" d="M11 18.5V9.5l10 8.5V9" />
      </svg>
      <span>{text.appName}</span>
    </div>
  );
}
