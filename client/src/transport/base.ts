/*
 * Where the server is.  The page is served below the same prefix as the
 * API, so every address follows from the page's own.
 */

export interface Base {
  /** Origin, for the socket. */
  origin: string;
  /** Path with a slash at both ends. */
  path: string;
}

export function baseOf(pageAddress: string): Base {
  const url = new URL(".", pageAddress);

  return { origin: url.origin, path: url.pathname };
}
