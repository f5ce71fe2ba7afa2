/*
 * The words of the admins' page, which most people never load.
 */

import type { Act, Connection } from "../admin/api";
import type { Figure } from "../admin/series";

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const adminText = {
  title: "Admin · Ngx Chat",
  heading: "Admin",
  toChat: "To the chat",
  loading: "Loading…",
  refused: "This page is for admins. Log in to the chat as one, then come back.",
  none: "There are no admins here: the server's configuration names none.",
  missing: (n: number) =>
    `${plural(n, "worker", "workers")} didn't answer: something may be missing below.`,
  stale: (why: string) => `This may be out of date. ${why}`,

  charts: "Right now, on this server",
  chart: {
    connections: "Connections",
    messages: "Messages / s",
    deliveries: "Deliveries / s",
    refused: "Refused / s",
    logins: "Log-ins / s",
    redis: "Redis, ms",
  } satisfies Record<Figure, string>,
  chartLabel: (name: string, now: string, most: string) =>
    `${name}: ${now} now, ${most} at the most in the last minutes`,

  users: (n: number) => `Online (${n})`,
  search: "Search by name",
  find: "Find",
  findHint: "The whole name finds people who are away, too.",
  nobody: "Nobody is online.",
  noMatch: (name: string) => `Nobody called “${name}” was found.`,
  away: "away",
  user: "Name",
  connections: "Connections",
  actions: "Actions",
  actionsFor: (name: string) => `Actions for ${name}`,
  transport: {
    websocket: "WebSocket",
    polling: "polling",
    sse: "event stream",
  } satisfies Record<Connection["transport"], string>,
  from: (address: string | null) => address ?? "unknown address",
  since: (seconds: number | null) => (seconds === null ? "" : `for ${duration(seconds)}`),
  moreConnections: (n: number) => `and ${n} more`,
  more: "Show more",

  rooms: "Rooms",
  room: "Room",
  members: "Connected",
  messages: "Messages",
  show: "Messages",
  showOf: (room: string) => `Messages of ${room}`,
  private: "Private rooms are not shown.",

  restricted: "Muted and banned",
  nobodyRestricted: "Nobody is muted or banned.",
  kind: { mute: "muted", ban: "banned" },
  left: (seconds: number | null) =>
    seconds === null ? "for ever" : `for another ${duration(seconds)}`,
  what: "What",

  messagesOf: (room: string) => `Newest messages of ${room}`,
  noMessages: "Nothing has been said there.",
  said: (who: string) => `${who}:`,
  remove: "Delete",
  removeOf: (words: string) => `Delete “${words.slice(0, 40)}”`,
  close: "Close",

  act: {
    kick: "Kick",
    mute: "Mute",
    ban: "Ban",
    revoke: "End sessions",
    unmute: "Unmute",
    unban: "Unban",
  } satisfies Record<Act, string>,
  ask: {
    kick: (name: string) =>
      `Close all connections of ${name}? They may come back at once.`,
    mute: (name: string) => `Mute ${name}? What they send is refused.`,
    ban: (name: string) =>
      `Ban ${name}? All sessions end, and they can't log in any more.`,
    revoke: (name: string) => `End all sessions of ${name}? They have to log in again.`,
    unmute: (name: string) => `Let ${name} send again?`,
    unban: (name: string) => `Let ${name} log in again?`,
  } satisfies Record<Act, (name: string) => string>,
  done: {
    kick: (name: string) => `${name} was kicked.`,
    mute: (name: string) => `${name} is muted.`,
    ban: (name: string) => `${name} is banned.`,
    revoke: (name: string) => `All sessions of ${name} have ended.`,
    unmute: (name: string) => `${name} may send again.`,
    unban: (name: string) => `${name} may log in again.`,
  } satisfies Record<Act, (name: string) => string>,
  askDelete: "Delete this message for everybody? It can't be brought back.",
  deleted: "The message was deleted.",
  howLong: "For how long?",
  times: [
    { seconds: 600, label: "10 minutes" },
    { seconds: 3600, label: "1 hour" },
    { seconds: 86_400, label: "1 day" },
    { seconds: 604_800, label: "1 week" },
    { seconds: null, label: "For ever" },
  ],
  cancel: "Cancel",
};

function duration(seconds: number): string {
  if (seconds < 120) {
    return `${Math.max(Math.round(seconds), 0)} s`;
  }

  if (seconds < 7200) {
    return `${Math.round(seconds / 60)} min`;
  }

  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : plural(Math.round(seconds / 86_400), "day", "days");
}
