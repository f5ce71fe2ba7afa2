/*
 * What to tell a person about a request that failed.
 */

import { ApiError } from "../transport/errors";
import { text } from "./en";

export function describe(error: unknown): string {
  if (!(error instanceof ApiError)) {
    return text.error.unreachable;
  }

  switch (error.kind) {
    case "unreachable":
      return globalThis.navigator?.onLine === false
        ? text.error.offline
        : text.error.unreachable;

    case "timeout":
      return text.error.timeout;

    case "garbled":
      return text.error.garbled;

    case "status":
      return describeStatus(error);
  }
}

function describeStatus({ status, serverMessage }: ApiError): string {
  switch (status) {
    case 403:
      return text.error.notAllowed;

    case 404:
      return serverMessage || text.error.gone;

    case 413:
      return text.error.tooLarge;

    case 429:
      return text.error.tooMany;

    case 502:
    case 504:
      return text.error.gateway;

    case 503:
      return text.error.unavailable;

    default:
      return serverMessage || text.error.server(status);
  }
}

/** Name and password don't go together. */
export function isMismatch(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.kind === "status" &&
    (error.status === 404 || error.status === 401)
  );
}

/** The name only looks like one that there is. */
export function isAlike(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** Log-in failures, where 404 says something about name and password. */
export function describeLogin(error: unknown, creating: boolean): string {
  if (isMismatch(error)) {
    return creating ? text.login.taken : text.login.wrong;
  }

  if (isAlike(error)) {
    return creating ? text.login.alike : text.login.almost;
  }

  if (error instanceof ApiError && error.status === 429) {
    return text.login.tooMany(error.retryAfter);
  }

  if (error instanceof ApiError && error.status === 403 && error.serverMessage) {
    return error.serverMessage;
  }

  return describe(error);
}
