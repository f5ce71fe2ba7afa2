import { beforeEach, describe, expect, test } from "vitest";

import { Outbox, type OutboxItem, type Sent } from "../src/transport/outbox";
import type { SendAck } from "../src/wire";
import { memory, until } from "./helpers";

const NINE_MINUTES = 9 * 60_000;

class Bench {
  storage = memory();
  connected = true;
  now = 1_000_000;
  sends: OutboxItem[] = [];
  answers: (SendAck | "lost")[] = [];
  history: Sent | null = null;
  searches: OutboxItem[] = [];
  sent: string[] = [];
  delays: number[] = [];
  private count = 0;

  make(): Outbox {
    return new Outbox({
      storage: this.storage,
      isConnected: () => this.connected,
      send: (item) => {
        const answer = this.answers.shift();

        this.sends.push(item);

        if (answer === "lost") {
          this.connected = false;
          return Promise.reject(new Error("lost"));
        }

        return Promise.resolve(
          answer ?? { ok: true, id: `${this.sends.length}`, date: 1 },
        );
      },
      findSent: (item) => {
        this.searches.push(item);
        return Promise.resolve(this.history);
      },
      newestPosition: () => "41",
      onChange: () => {},
      onSent: (item) => this.sent.push(item.text),
      now: () => this.now,
      newNonce: () => `nonce${++this.count}`,
      delay: (ms) => {
        this.delays.push(ms);
        return Promise.resolve();
      },
    });
  }
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

const texts = () => bench.sends.map((item) => item.text);

describe("Outbox", () => {
  test("sends in order, one after the other, and forgets what has arrived", async () => {
    const outbox = bench.make();

    outbox.submit("0", "a");
    outbox.submit("0", "b");
    outbox.submit("0", "c");
    await until(() => bench.sent.length === 3, "three sent");
    expect(texts()).toEqual(["a", "b", "c"]);
    expect(outbox.list()).toEqual([]);
    expect(bench.storage.map.size).toBe(0);
  });

  test("keeps what was written without a connection, over a reload", async () => {
    bench.connected = false;
    bench.make().submit("0", "later");
    expect(bench.sends).toEqual([]);

    const reloaded = bench.make();

    expect(reloaded.list().map((item) => item.text)).toEqual(["later"]);
    bench.connected = true;
    reloaded.flush();
    await until(() => bench.sent.length === 1, "sent");
    expect(bench.sends[0]!.nonce).toBe("nonce1");
  });

  test("repeats with the same nonce when the answer is lost", async () => {
    const outbox = bench.make();

    bench.answers = ["lost"];
    outbox.submit("0", "once");
    await until(() => !bench.connected, "connection lost");
    expect(outbox.list()[0]!.state).toBe("sending");
    bench.connected = true;
    outbox.flush();
    await until(() => bench.sent.length === 1, "sent");
    expect(bench.sends.map((item) => item.nonce)).toEqual(["nonce1", "nonce1"]);
    expect(bench.searches).toEqual([]);
  });

  test("looks for an old one in the history instead of sending it twice", async () => {
    const outbox = bench.make();

    bench.answers = ["lost"];
    outbox.submit("0", "old");
    await until(() => !bench.connected, "connection lost");
    bench.now += NINE_MINUTES;
    bench.history = { id: "42", date: 7 };
    bench.connected = true;
    outbox.flush();
    await until(() => bench.sent.length === 1, "found");
    expect(bench.sends.length).toBe(1);
    expect(bench.searches[0]!.firstTry?.after).toBe("41");
    expect(bench.storage.map.size).toBe(0);
  });

  test("sends an old one that isn't there", async () => {
    const outbox = bench.make();

    bench.answers = ["lost"];
    outbox.submit("0", "old");
    await until(() => !bench.connected, "connection lost");
    bench.now += NINE_MINUTES;
    bench.connected = true;
    outbox.flush();
    await until(() => bench.sent.length === 1, "sent");
    expect(bench.searches.length).toBe(1);
    expect(bench.sends.length).toBe(2);
  });

  test("tells why one was refused, lets others pass, and tries again when asked", async () => {
    const outbox = bench.make();

    bench.answers = [{ error: "Too long", retry: false }];
    outbox.submit("0", "bad");
    outbox.submit("0", "good");
    await until(() => bench.sent.length === 1, "the other is sent");
    expect(outbox.list()).toMatchObject([
      { text: "bad", state: "failed", error: "Too long" },
    ]);
    expect(bench.make().list()[0]!.state).toBe("failed");

    outbox.retry("nonce1");
    await until(() => bench.sent.length === 2, "sent");
    expect(bench.sent).toEqual(["good", "bad"]);
  });

  test("waits longer and longer while the server asks for it, then gives up", async () => {
    const outbox = bench.make();

    bench.answers = Array.from({ length: 5 }, () => ({ error: "Busy", retry: true }));
    outbox.submit("0", "patient");
    await until(() => outbox.list()[0]?.state === "failed", "given up");
    expect(bench.delays).toEqual([1000, 2000, 4000, 8000]);
    expect(bench.sends.length).toBe(5);
  });

  test("gives up one with which the connection breaks again and again", async () => {
    const outbox = bench.make();

    bench.answers = ["lost", "lost", "lost"];
    outbox.submit("0", "poison");
    outbox.submit("0", "next");

    for (let i = 0; i < 3; i++) {
      await until(() => !bench.connected, "connection lost");
      bench.connected = true;
      outbox.flush();
    }

    await until(() => bench.sent.length === 1, "the next one is sent");
    expect(texts()).toEqual(["poison", "poison", "poison", "next"]);
    expect(outbox.list()).toMatchObject([{ text: "poison", state: "failed" }]);
  });

  test("one that has come back by another way isn't sent again", async () => {
    bench.connected = false;

    const outbox = bench.make();

    outbox.submit("0", "seen");
    outbox.settle("nonce1");
    bench.connected = true;
    outbox.flush();
    await new Promise((done) => setTimeout(done, 20));
    expect(bench.sends).toEqual([]);
    expect(bench.storage.map.size).toBe(0);
  });

  test("takes along what another tab left, and drops what another tab removed", async () => {
    bench.connected = false;

    const here = bench.make();
    const there = bench.make();

    there.submit("0", "left behind");
    here.flush();
    expect(here.list().map((item) => item.text)).toEqual(["left behind"]);
    here.removedElsewhere("outbox:nonce1");
    expect(here.list()).toEqual([]);
  });

  test("gives a discarded one back, to be edited", () => {
    bench.connected = false;

    const outbox = bench.make();

    outbox.submit("0", "draft again");
    expect(outbox.discard("nonce1")?.text).toBe("draft again");
    expect(outbox.list()).toEqual([]);
    expect(bench.storage.map.size).toBe(0);
  });

  test("survives storage that holds rubbish", () => {
    bench.storage.set("outbox:x", "{");
    expect(bench.make().list()).toEqual([]);
    expect(bench.storage.map.size).toBe(0);
  });
});
