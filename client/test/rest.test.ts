import { describe as group, expect, test } from "vitest";

import { baseOf } from "../src/transport/base";
import { ApiError } from "../src/transport/errors";
import { Rest } from "../src/transport/rest";
import { describe, describeLogin } from "../src/text/describe";
import { text } from "../src/text/en";

const json = (value: unknown, status = 200, headers = {}) =>
  new Response(JSON.stringify(value), { status, headers });

function rest(...answers: (Response | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetcher = ((url: string, init: RequestInit) => {
    const answer = answers.shift()!;

    asked.push({ url, init });
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }) as typeof fetch;

  return {
    rest: new Rest(baseOf("https://example.com/chat/index.html#/room/0"), fetcher),
    asked,
  };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error("should have failed");
    },
    (error: unknown) => error as ApiError,
  );

group("addresses", () => {
  test("follow from the page's own, at / and under a prefix", () => {
    expect(baseOf("https://example.com/")).toEqual({
      origin: "https://example.com",
      path: "/",
    });
    expect(baseOf("https://example.com/a/chat/#/room/1%3A2").path).toBe("/a/chat/");
  });

  test("escape what is in them", async () => {
    const { rest: r, asked } = rest(json([]), json([]), json({}));

    await r.messages("1:2", { size: 15 });
    await r.messages("1:2", { size: 50, before: "17.5" });
    await r.users(["1", "2"]);
    expect(asked.map((a) => a.url)).toEqual([
      "https://example.com/chat/room/1%3A2/messages?size=15&offset=0",
      "https://example.com/chat/room/1%3A2/messages?size=50&before=17.5",
      "https://example.com/chat/users?ids[]=1&ids[]=2",
    ]);
  });
});

group("answers", () => {
  test("messages come oldest first, evened out", async () => {
    const { rest: r } = rest(
      json([
        { id: "2.5", from: 7, date: 2.9, message: "b" },
        { id: 1, from: "8", date: 1, message: "a", roomId: "0" },
      ]),
    );

    expect(await r.messages("0", { size: 2 })).toEqual([
      { id: "1", from: "8", date: 1, text: "a", roomId: "0" },
      { id: "2.5", from: "7", date: 2, text: "b", roomId: "0" },
    ]);
  });

  test("a log-in tells whether the account is new", async () => {
    const { rest: r } = rest(
      json({ id: 5, username: "Ada" }, 201),
      json({ id: "5", username: "Ada" }),
    );

    expect(await r.login("Ada", "x")).toEqual({
      me: { id: "5", username: "Ada" },
      created: true,
    });
    expect((await r.login("Ada", "x")).created).toBe(false);
  });

  test("who somebody is, and whether the site says so", async () => {
    const bySite = new Response("null", { headers: { "Chat-Login": "off" } });
    const { rest: r } = rest(json({ id: 5, username: "Ada" }), bySite);

    expect(await r.identity()).toEqual({
      me: { id: "5", username: "Ada" },
      bySite: false,
    });
    expect(await r.identity()).toEqual({ me: null, bySite: true });
  });

  test("many ids are asked for in portions", async () => {
    const { rest: r, asked } = rest(json({}), json({}), json({}));

    await r.users(Array.from({ length: 250 }, (_, i) => String(i)));
    expect(asked.length).toBe(3);
  });
});

group("failures", () => {
  test("no network, a page instead of JSON, an error page", async () => {
    const { rest: r } = rest(
      new TypeError("failed"),
      new Response("<html>"),
      new Response("<html>", { status: 502 }),
      Object.assign(new Error(), { name: "TimeoutError" }),
    );

    expect((await failure(r.identity())).kind).toBe("unreachable");
    expect((await failure(r.identity())).kind).toBe("garbled");
    expect(await failure(r.identity())).toMatchObject({
      kind: "status",
      status: 502,
      serverMessage: "",
    });
    expect((await failure(r.identity())).kind).toBe("timeout");
  });

  test("log-in failures say what happened", async () => {
    const cases: [Response, boolean, string][] = [
      [json({ message: "Invalid username or password" }, 404), false, text.login.wrong],
      [json({ message: "Invalid username or password" }, 404), true, text.login.taken],
      [
        json({ message: "x" }, 429, { "Retry-After": "7" }),
        false,
        text.login.tooMany(7),
      ],
      [json({ message: "x" }, 503), false, text.error.unavailable],
      [new Response("", { status: 502 }), false, text.error.gateway],
      [new Response("", { status: 413 }), false, text.error.tooLarge],
      [json({ message: "The name is too long" }, 400), true, "The name is too long"],
      [json({ message: "You are banned" }, 403), false, "You are banned"],
      [new Response("", { status: 403 }), false, text.error.notAllowed],
      [new Response("", { status: 500 }), false, text.error.server(500)],
    ];

    for (const [response, creating, words] of cases) {
      const { rest: r } = rest(response);

      expect(describeLogin(await failure(r.login("a", "b")), creating)).toBe(words);
    }
  });

  test("anything unknown is put down to the connection", () => {
    expect(describe(new Error("?"))).toBe(text.error.unreachable);
  });
});
