/*
 * Why a request failed.  What a person is told about it is decided in
 * text/, from `kind`, `status` and, where the server sent one, its message.
 */

export type ApiFailure =
  /** No answer: the network or the server is away. */
  | "unreachable"
  /** No answer in time. */
  | "timeout"
  /** An answer with an error status. */
  | "status"
  /** A success that doesn't make sense, such as a page instead of JSON. */
  | "garbled";

export class ApiError extends Error {
  constructor(
    readonly kind: ApiFailure,
    readonly status = 0,
    /** The server's own words, when they were JSON of the known shape. */
    readonly serverMessage = "",
    /** Seconds, from Retry-After. */
    readonly retryAfter = 0,
  ) {
    super(serverMessage || `${kind} ${status}`);
    this.name = "ApiError";
  }
}
