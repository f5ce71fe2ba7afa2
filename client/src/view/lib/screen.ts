/* What kind of screen this is; the width is the one in styles/shell.css. */

const wide = window.matchMedia("(min-width: 760px)");
const coarse = window.matchMedia("(pointer: coarse)");

export function isWide(): boolean {
  return wide.matches;
}

export function subscribeWide(listener: () => void): () => void {
  wide.addEventListener("change", listener);

  return () => wide.removeEventListener("change", listener);
}

/** Without a keyboard of its own, Enter is the only way to a new line. */
export function isTouch(): boolean {
  return coarse.matches;
}
