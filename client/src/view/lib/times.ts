/* Dates and times as the reader's locale has them. */

import { text } from "../../text/en";

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: "full",
  timeStyle: "medium",
});
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const shortDate = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
});
const shortYear = new Intl.DateTimeFormat(undefined, { dateStyle: "short" });
const longDay = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const longYear = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

const toDate = (seconds: number) => new Date(seconds * 1000);

/** Changes at midnight, by the reader's own clock. */
export function dayOf(seconds: number): string {
  return toDate(seconds).toDateString();
}

export function timeOf(seconds: number): string {
  return clock.format(toDate(seconds));
}

export function fullOf(seconds: number): string {
  return full.format(toDate(seconds));
}

export function isoOf(seconds: number): string {
  return toDate(seconds).toISOString();
}

function daysAgo(date: Date, now: Date): number {
  const midnight = (d: Date) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());

  return Math.round((midnight(now) - midnight(date)) / 86_400_000);
}

export function dayLabel(seconds: number, now = new Date()): string {
  const date = toDate(seconds);

  switch (daysAgo(date, now)) {
    case 0:
      return text.room.today;
    case 1:
      return text.room.yesterday;
    default:
      return (date.getFullYear() === now.getFullYear() ? longDay : longYear).format(
        date,
      );
  }
}

/** For the list of rooms, where there is little place. */
export function briefLabel(seconds: number, now = new Date()): string {
  const date = toDate(seconds);
  const days = daysAgo(date, now);

  if (days <= 0) {
    return clock.format(date);
  }

  if (days === 1) {
    return text.sidebar.yesterday;
  }

  if (days < 7) {
    return weekday.format(date);
  }

  return (date.getFullYear() === now.getFullYear() ? shortDate : shortYear).format(
    date,
  );
}
