import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { baseOf } from "../src/transport/base";
import { Live, type LiveHandlers } from "../src/transport/live";
import { FakeServer } from "./fake-server.mjs";
import { until } from "./helpers";

let server: FakeServer;
let url: string;
let lives: Live[];

beforeEach(async () => {
  server = new FakeServer({ prefix: "/chat/" });
  server.addUser("Pablo", "x");
  server.addUser("Joe", "x");
  url = await server.listen();
  lives = [];
});

afterEach(async () => {
  lives.forEach((live) => live.close());
  await server.close();
});

function connect(cookie = `sid=${server.session("1")}`) {
  const log: string[] = [];
  const texts: string[] = [];
  const handlers: LiveHandlers = {
    onOnline: (first) => log.push(first ? "online" : "back"),
    onLost: () => log.push("lost"),
    onMessage: (m) => texts.push(m.text),
    onDeleted: (m) => log.push(`deleted ${m.roomId} ${m.id}`),
    onPresence: (u) => log.push(`${u.username} ${u.online}`),
    onRoom: (r) => log.push(`room ${r.id}`),
    onGap: (id) => log.push(`gap ${id}`),
    onRefused: () => log.push("refused"),
  };
  const live = new Live(baseOf(url), handlers, {
    extraHeaders: { Cookie: cookie },
    reconnectionDelay: 100,
    reconnectionDelayMax: 100,
    randomizationFactor: 0,
  });

  lives.push(live);
  live.connect();

  return { live, log, texts };
}

const has = (list: string[], entry: string) => () => list.includes(entry);

describe("Live", () => {
  test("gets messages and presence", async () => {
    const { log, texts } = connect();

    await until(has(log, "online"), "online");
    connect(`sid=${server.session("2")}`);
    await until(has(log, "Joe true"), "Joe is there");
    server.say("0", "2", "hello");
    await until(has(texts, "hello"), "hello");
  });

  test("asks for what it missed, and gets nothing twice", async () => {
    const { live, log, texts } = connect();

    await until(has(log, "online"), "online");
    live.track("0", undefined, live.epoch);
    server.say("0", "2", "one");
    await until(has(texts, "one"), "one");
    server.cut();
    await until(has(log, "lost"), "lost");
    server.append("0", "2", "two");
    server.append("0", "2", "three");
    await until(has(log, "back"), "back");
    await until(has(texts, "three"), "three");
    expect(texts).toEqual(["one", "two", "three"]);
  });

  test("asks for what was said between a page and the connection", async () => {
    const page = server.append("0", "2", "in the page");

    server.append("0", "2", "behind it");

    const { live, log, texts } = connect();

    live.track("0", page.id, live.epoch);
    await until(has(log, "online"), "online");
    await until(has(texts, "behind it"), "the rest");
    expect(texts).toEqual(["behind it"]);
  });

  test("a page asked for before a connection is caught up, a later one isn't", async () => {
    const { live, log, texts } = connect();

    await until(has(log, "online"), "online");

    const before = live.epoch;
    const page = server.append("0", "2", "page");

    server.append("0", "2", "unseen");
    live.track("0", page.id, before);
    await new Promise((done) => setTimeout(done, 50));
    expect(texts).toEqual([]);

    live.track("0", page.id, before - 1);
    await until(has(texts, "unseen"), "caught up");
  });

  test("asks again when the server can't just now", async () => {
    const { live, log, texts } = connect();

    await until(has(log, "online"), "online");
    live.track("0", undefined, live.epoch);
    server.refuseJoins = 1;
    server.cut();
    await until(has(log, "lost"), "lost");
    server.append("0", "2", "missed");
    await until(has(texts, "missed"), "missed");
    expect(texts).toEqual(["missed"]);
  });

  test("catches up more rooms than it asks for at once", async () => {
    const { live, log, texts } = connect();

    await until(has(log, "online"), "online");

    for (let i = 3; i < 83; i++) {
      server.addUser(`friend ${i}`, "x");
      live.track(`1:${i}`, undefined, live.epoch);
    }

    server.cut();
    await until(has(log, "lost"), "lost");

    for (let i = 3; i < 83; i++) {
      server.append(`1:${i}`, String(i), `from ${i}`);
    }

    await until(() => texts.length === 80, "all rooms");
    expect(new Set(texts).size).toBe(80);
  });

  test("says when what was missed is gone", async () => {
    const { live, log } = connect();

    await until(has(log, "online"), "online");
    live.track("0", "1", live.epoch);
    server.gap = true;
    server.cut();
    await until(has(log, "gap 0"), "gap");
  });

  test("is refused without a session, and doesn't keep knocking", async () => {
    const { log } = connect("sid=00");

    await until(has(log, "refused"), "refused");
    await new Promise((done) => setTimeout(done, 300));
    expect(log).toEqual(["refused"]);
  });

  test("can be told to try at once", async () => {
    const { live, log } = connect();

    await until(has(log, "online"), "online");
    server.cut();
    await until(has(log, "lost"), "lost");

    const start = Date.now();

    live.reconnectNow();
    await until(has(log, "back"), "back");
    expect(Date.now() - start).toBeLessThan(90);
  });

  test("doesn't send while it isn't connected", async () => {
    const { live } = connect("sid=00");

    await expect(
      live.send({ roomId: "0", message: "x", from: "1", date: 1, nonce: "n" }),
    ).rejects.toThrow();
  });
});
