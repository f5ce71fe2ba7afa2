import type { KeyboardEvent } from "react";

/** Moves focus among the elements that match, with arrows, Home and End. */
export function arrowKeys(event: KeyboardEvent<HTMLElement>, selector: string): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)];
  const at = items.indexOf(document.activeElement as HTMLElement);
  let next: number;

  switch (event.key) {
    case "ArrowDown":
      next = Math.min(at + 1, items.length - 1);
      break;
    case "ArrowUp":
      next = Math.max(at - 1, 0);
      break;
    case "Home":
      next = 0;
      break;
    case "End":
      next = items.length - 1;
      break;
    default:
      return;
  }

  if (at !== -1) {
    event.preventDefault();
    items[next]?.focus();
  }
}
