import { text } from "../../text/en";

/** Grey shapes where rooms are about to be. */
export function Skeleton() {
  return (
    <div className="skeleton" role="status">
      <span className="sr-only">{text.sidebar.loading}</span>
      {[0, 1, 2, 3].map((i) => (
        <div key={i} className="skeleton-row" />
      ))}
    </div>
  );
}
