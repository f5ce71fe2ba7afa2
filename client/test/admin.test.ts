import { describe, expect, test } from "vitest";

import { AdminApi, type Status } from "../src/admin/api";
import {
  addSample,
  lineOf,
  noSeries,
  POINTS,
  shortNumber,
  type Series,
} from "../src/admin/series";
import { isAdminPage } from "../src/state/route";
import { adminText } from "../src/text/admin";
import { baseOf } from "../src/transport/base";
import { ApiError } from "../src/transport/errors";

function api(...answers: unknown[]) {
  const asked: { url: string; method: string; body: unknown }[] = [];
  const fetcher = ((url: string, init: RequestInit) => {
    asked.push({
      url,
      method: init.method!,
      body: init.body === undefined ? undefined : JSON.parse(init.body as string),
    });
    const answer = answers.shift();

    return Promise.resolve(
      answer instanceof Response ? answer : new Response(JSON.stringify(answer)),
    );
  }) as typeof fetch;

  return { api: new AdminApi(baseOf("https://x.org/chat/admin"), fetcher), asked };
}

const status = (total: Status["total"]): Status => ({ total });

const series = (...samples: [number, Status["total"]][]): Series =>
  samples.reduce(
    (known, [at, total]) => addSample(known, { at, status: status(total) }),
    noSeries,
  );

describe("the address", () => {
  test("is /admin, at / and under a prefix", () => {
    expect(isAdminPage("https://x.org/admin")).toBe(true);
    expect(isAdminPage("https://x.org/a/chat/admin?x#y")).toBe(true);
    expect(isAdminPage("https://x.org/")).toBe(false);
    expect(isAdminPage("https://x.org/admin/")).toBe(false);
    expect(isAdminPage("https://x.org/#/admin")).toBe(false);
    expect(isAdminPage("https://x.org/padmin")).toBe(false);
  });
});

describe("requests", () => {
  test("go below the chat's prefix, escaped", async () => {
    const { api: a, asked } = api({}, {}, { users: [] }, {}, { restricted: [] });

    await a.usersOnline(null);
    await a.usersOnline("1&2");
    expect(await a.userNamed("a/ü&b")).toBe(undefined);
    await a.roomsHere("x");
    expect(await a.restricted()).toEqual([]);
    expect(asked.map(({ url }) => url.replace("https://x.org/chat/admin/", ""))).toEqual([
      "users",
      "users?after=1%262",
      "users?name=a%2F%C3%BC%26b",
      "rooms?after=x",
      "restricted",
    ]);
  });

  test("acts say for how long only where that is asked", async () => {
    const { api: a, asked } = api({}, {}, {}, {});

    await a.act("kick", "1");
    await a.act("mute", "1", 600);
    await a.act("ban", "1", null);
    await a.deleteMessage("1:2", "17.500000");
    expect(asked).toEqual(
      [
        { path: "kick", body: { user: "1" } },
        { path: "mute", body: { user: "1", seconds: 600 } },
        { path: "ban", body: { user: "1", seconds: null } },
        { path: "delete", body: { roomId: "1:2", id: "17.500000" } },
      ].map(({ path, body }) => ({
        method: "POST",
        url: `https://x.org/chat/admin/${path}`,
        body,
      })),
    );
  });

  test("fail with the status", async () => {
    const { api: a } = api(new Response('{"message":"no"}', { status: 403 }));

    await expect(a.status()).rejects.toMatchObject({ status: 403 } as ApiError);
  });
});

describe("figures", () => {
  test("gauges are summed up, counters become rates", () => {
    const { points } = series(
      [1000, { connections: { polling: 1, websocket: 2 }, messages: 10 }],
      [3000, { connections: { polling: 0, websocket: 5 }, messages: 30 }],
    );

    expect(points.connections).toEqual([3, 5]);
    expect(points.messages).toEqual([10]);
    expect(points.deliveries).toEqual([0]);
  });

  test("a counter that begins anew is no negative rate", () => {
    expect(
      series([0, { messages: 100 }], [1000, { messages: 3 }]).points.messages,
    ).toEqual([0]);
  });

  test("Redis's time is that of the answers in between", () => {
    const trips = (sum: number, n: number) => ({
      redis_round_trip_seconds: { sum, "0.001": n, more: 1 },
    });
    const { points } = series(
      [0, trips(1, 100)],
      [1000, trips(1.2, 200)],
      [2000, trips(1.2, 200)],
    );

    expect(points.redis.map((ms) => Number(ms.toFixed(6)))).toEqual([2, 0]);
  });

  test("only the newest are kept", () => {
    const many = Array.from({ length: 200 }, (_, i): [number, Status["total"]] => [
      i * 1000,
      { connections: { sse: i } },
    ]);
    const { points } = series(...many);

    expect(points.connections).toHaveLength(POINTS);
    expect(points.connections.at(-1)).toBe(199);
    expect(points.messages).toHaveLength(POINTS);
  });

  test("a line ends at the right and fits its box", () => {
    expect(lineOf([], 100, 20)).toBe("");
    expect(lineOf([0, 5, 10], 118, 20)).toBe("M114.0 20.0 L116.0 10.0 L118.0 0.0");
    expect(lineOf([0], 118, 20)).toBe("M118.0 20.0");
    expect(lineOf(new Array<number>(POINTS).fill(1), 118, 20)).toMatch(/^M0.0 0.0 /);
  });

  test("numbers are short", () => {
    expect([0, 3, 0.26, 12.4, 9999, 12_345, 1_234_567].map(shortNumber)).toEqual([
      "0",
      "3",
      "0.3",
      "12",
      "9999",
      "12.3k",
      "1235k",
    ]);
  });
});

describe("words", () => {
  test("times", () => {
    expect([0, 119, 600, 7200, 86_400 * 3].map((s) => adminText.since(s))).toEqual([
      "for 0 s",
      "for 119 s",
      "for 10 min",
      "for 2 h",
      "for 3 days",
    ]);
    expect(adminText.left(null)).toBe("for ever");
    expect(adminText.since(null)).toBe("");
  });
});
