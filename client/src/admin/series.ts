/*
 * The figures of chat_status over time: gauges as they are, counters as what
 * they grew by in a second.
 */

import type { Status } from "./api";

export const POINTS = 60;

export type Figure =
  "connections" | "messages" | "deliveries" | "refused" | "logins" | "redis";

export const FIGURES: Figure[] = [
  "connections",
  "messages",
  "deliveries",
  "refused",
  "logins",
  "redis",
];

export interface Sample {
  /** Milliseconds of a clock that only goes on. */
  at: number;
  status: Status;
}

export interface Series {
  last: Sample | null;
  points: Record<Figure, number[]>;
}

export const noSeries: Series = {
  last: null,
  points: {
    connections: [],
    messages: [],
    deliveries: [],
    refused: [],
    logins: [],
    redis: [],
  },
};

const sum = (value: number | Record<string, number> | undefined): number =>
  typeof value === "number"
    ? value
    : Object.values(value ?? {}).reduce((a, b) => a + b, 0);

/* A histogram in seconds: its sum, and how often. */
function trips({ total }: Status): { seconds: number; count: number } {
  const buckets = total["redis_round_trip_seconds"];

  if (typeof buckets !== "object") {
    return { seconds: 0, count: 0 };
  }

  const { sum: seconds = 0, ...counts } = buckets;

  return { seconds, count: sum(counts) };
}

export function addSample(series: Series, sample: Sample): Series {
  const { last } = series;
  const now = sample.status.total;
  const points = { ...series.points };
  const add = (figure: Figure, value: number) => {
    points[figure] = [...points[figure], value].slice(-POINTS);
  };

  add("connections", sum(now["connections"]));

  if (last) {
    const before = last.status.total;
    const seconds = Math.max((sample.at - last.at) / 1000, 0.001);
    /* Counters begin anew when nginx does. */
    const rate = (name: string) =>
      Math.max(sum(now[name]) - sum(before[name]), 0) / seconds;
    const then = trips(last.status);
    const here = trips(sample.status);
    const asked = here.count - then.count;

    add("messages", rate("messages"));
    add("deliveries", rate("deliveries"));
    add("refused", rate("messages_refused"));
    add("logins", rate("logins"));
    add(
      "redis",
      asked > 0 ? Math.max((1000 * (here.seconds - then.seconds)) / asked, 0) : 0,
    );
  }

  return { last: sample, points };
}

/** The line of a chart, in a box of that size, newest at the right. */
export function lineOf(points: number[], width: number, height: number): string {
  const top = Math.max(...points, 1e-9);

  return points
    .map((value, i) => {
      const x = width - ((points.length - 1 - i) * width) / (POINTS - 1);
      const y = height - (value / top) * height;

      return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join(" ");
}

export function shortNumber(value: number): string {
  if (value >= 10_000) {
    return `${(value / 1000).toFixed(value >= 100_000 ? 0 : 1)}k`;
  }

  return value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}
