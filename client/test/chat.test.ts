import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Chat } from "../src/state/chat";
import { text } from "../src/text/en";
import { FakeServer } from "./fake-server.mjs";
import { chatFor, MemoryStorage, until } from "./helpers";

let server: FakeServer;
let url: string;
let chats: Chat[];

beforeEach(async () => {
  server = new FakeServer();
  ["Pablo", "Joe", "Mary"].forEach((name) => server.addUser(name, "secret"));
  url = await server.listen();
  chats = [];
});

afterEach(async () => {
  await Promise.all(chats.map((chat) => chat.logout(false)));
  await server.close();
});

async function enter(userId: string, storage = new MemoryStorage()) {
  const made = chatFor(url, server.session(userId), storage);
  const get = made.chat.store.get;

  chats.push(made.chat);
  await made.chat.start();
  await until(() => get().link === "online" && get().roomList === "ready", "inside");
  await until(() => get().rooms["0"]?.newest === "ready", "General is loaded");

  return {
    ...made,
    get,
    said: (roomId: string) => (get().rooms[roomId]?.messages ?? []).map((m) => m.text),
  };
}

describe("Chat", () => {
  test("a message shows at once, and is there once when it has arrived", async () => {
    const pablo = await enter("1");
    const joe = await enter("2");

    pablo.chat.send("0", "hello");
    expect(pablo.get().outbox[0]!.text).toBe("hello");
    await until(() => joe.said("0").includes("hello"), "Joe has it");
    await until(() => pablo.get().outbox.length === 0, "sent");
    expect(pablo.said("0")).toEqual(["hello"]);
  });

  test("arrives exactly once when the answer is lost with the connection", async () => {
    const pablo = await enter("1");
    const joe = await enter("2");

    server.loseAcks = 2;
    pablo.chat.send("0", "precious");
    pablo.chat.send("0", "and this");
    await until(() => pablo.get().outbox.length === 0, "sent");
    await until(() => joe.said("0").length >= 2, "Joe has both");
    expect(joe.said("0")).toEqual(["precious", "and this"]);
    expect(pablo.said("0")).toEqual(["precious", "and this"]);
    expect(server.room("0").messages.length).toBe(2);
  });

  test("what was missed is there after a reconnect, in order, once", async () => {
    const pablo = await enter("1");

    server.say("0", "2", "before");
    await until(() => pablo.said("0").includes("before"), "before");
    server.cut();
    server.append("0", "2", "meanwhile 1");
    server.append("0", "2", "meanwhile 2");
    await until(() => pablo.said("0").includes("meanwhile 2"), "caught up");
    server.say("0", "2", "after");
    await until(() => pablo.said("0").includes("after"), "after");
    expect(pablo.said("0")).toEqual(["before", "meanwhile 1", "meanwhile 2", "after"]);
  });

  test("what was deleted, live, meanwhile, and in a room that is opened later", async () => {
    const room = server.room("0");
    const remove = (words: string) =>
      room.messages.splice(
        room.messages.findIndex((m) => m.message === words),
        1,
      )[0]!;

    for (let i = 0; i < 40; i++) {
      server.append("0", "2", `m${i}`);
    }

    const pablo = await enter("1");

    pablo.chat.open("0");
    server.delete("0", remove("m39").id);
    await until(() => !pablo.said("0").includes("m39"), "gone at once");

    server.cut();
    remove("m30");
    remove("m38");
    server.append("0", "2", "meanwhile");
    await until(() => pablo.said("0").includes("meanwhile"), "caught up");
    await until(() => !pablo.said("0").includes("m38"), "gone");
    expect(pablo.said("0")).toEqual([
      ...Array.from({ length: 28 }, (_, i) => `m${i + 10}`).filter((m) => m !== "m30"),
      "meanwhile",
    ]);

    pablo.chat.open(null);
    server.cut();
    remove("m37");
    await until(() => pablo.get().link === "lost", "cut");
    await until(() => pablo.get().link === "online", "back");
    pablo.chat.open("0");
    await until(() => !pablo.said("0").includes("m37"), "gone when it is opened");
  });

  test("reads the room anew when what was missed is gone", async () => {
    const pablo = await enter("1");

    server.say("0", "2", "old");
    await until(() => pablo.said("0").includes("old"), "old");
    server.gap = true;
    server.cut();

    for (let i = 0; i < 40; i++) {
      server.append("0", "2", `new ${i}`);
    }

    await until(() => pablo.said("0").includes("new 39"), "read anew");
    expect(pablo.said("0")).toEqual(
      Array.from({ length: 30 }, (_, i) => `new ${i + 10}`),
    );
    expect(pablo.get().rooms["0"]!.older).toBe("idle");
  });

  test("a new private room appears on the other side by itself", async () => {
    const pablo = await enter("1");
    const joe = await enter("2");
    const id = await pablo.chat.openPrivate("2");

    expect(id).toBe("1:2");
    pablo.chat.send(id!, "hi Joe");
    await until(() => joe.said("1:2").includes("hi Joe"), "Joe has it");
    expect(joe.get().rooms["1:2"]!.unread).toBe(1);
    expect(joe.get().rooms["1:2"]!.names).toEqual(["Pablo", "Joe"]);
  });

  test("drafts and read positions survive a reload", async () => {
    const storage = new MemoryStorage();
    const first = await enter("1", storage);

    server.say("0", "2", "read");
    await until(() => first.said("0").includes("read"), "read");
    first.chat.open("0");
    first.chat.setAtEnd(true);
    first.chat.setDraft("0", "half a thought");
    await first.chat.logout(false);
    server.append("0", "2", "unread");

    const second = await enter("1", storage);

    expect(second.get().drafts["0"]).toBe("half a thought");
    expect(second.get().rooms["0"]!.unread).toBe(1);
    second.chat.send("0", "done");
    expect(second.get().drafts["0"]).toBeUndefined();
    await until(() => second.get().outbox.length === 0, "sent");
  });

  test("on a new device old messages aren't unread", async () => {
    server.append("0", "2", "long ago");
    server.append("1:2", "2", "also");

    const pablo = await enter("1");

    await until(() => pablo.get().rooms["1:2"]?.newest === "ready", "loaded");
    expect(pablo.get().rooms["0"]!.unread).toBe(0);
    expect(pablo.get().rooms["1:2"]!.unread).toBe(0);
  });

  test("older messages are loaded once, up to the first", async () => {
    for (let i = 0; i < 100; i++) {
      server.append("0", "2", `m${i}`);
    }

    const pablo = await enter("1");

    await Promise.all([pablo.chat.loadOlder("0"), pablo.chat.loadOlder("0")]);
    expect(pablo.said("0").length).toBe(80);
    await pablo.chat.loadOlder("0");
    expect(pablo.said("0")).toEqual(Array.from({ length: 100 }, (_, i) => `m${i}`));
    expect(pablo.get().rooms["0"]!.older).toBe("ready");
  });

  test("a list that fails can be tried again", async () => {
    server.failNext = { path: "rooms/", status: 503, times: 1000 };

    const made = chatFor(url, server.session("1"));
    const { get } = made.chat.store;

    chats.push(made.chat);
    await made.chat.start();
    await until(() => get().roomList === "failed", "failed");
    server.failNext = null;
    await made.chat.loadRooms();
    expect(get().roomList).toBe("ready");
  });

  test("a server that is away at the start is tried again", async () => {
    server.failNext = { path: "me", status: 502, times: 1 };

    const made = chatFor(url, server.session("1"));
    const { get } = made.chat.store;

    chats.push(made.chat);
    await made.chat.start();
    expect(get().phase).toBe("unreachable");
    await made.chat.start();
    expect(get().phase).toBe("in");
  });

  test("a refused message says why, and can be edited", async () => {
    const pablo = await enter("1");

    server.refuse = [{ error: "Too long", retry: false }];
    pablo.chat.send("0", "long");
    await until(() => pablo.get().outbox[0]?.state === "failed", "failed");
    expect(pablo.get().outbox[0]!.error).toBe("Too long");
    pablo.chat.setDraft("0", "already here");
    pablo.chat.edit(pablo.get().outbox[0]!.nonce);
    expect(pablo.get().drafts["0"]).toBe("long\nalready here");
    expect(pablo.get().outbox).toEqual([]);
  });

  test("a session that has ended leads to the log-in, with its reason", async () => {
    const pablo = await enter("1");

    server.sessions.clear();
    server.cut();
    await until(() => pablo.get().phase === "out", "out");
    expect(pablo.get().notice?.text).toBe(text.notice.sessionEnded);
  });

  test("nothing is sent in the name of whoever logged in meanwhile", async () => {
    const pablo = await enter("1");

    server.sessions.clear();
    pablo.cookie.current = `sid=${server.session("3")}`;
    server.cut();
    pablo.chat.send("0", "from Pablo");
    await until(() => pablo.get().me?.id === "3", "Mary is in");
    await until(() => pablo.get().link === "online", "online");
    expect(pablo.get().outbox).toEqual([]);
    expect(server.room("0").messages).toEqual([]);
  });

  test("notifications: private, only when hidden, only when turned on", async () => {
    const pablo = await enter("1");

    pablo.control.visible = false;
    server.say("1:2", "2", "off");
    await until(() => pablo.said("1:2").includes("off"), "off");
    await pablo.chat.setNotifications(true);
    server.say("1:2", "2", "psst");
    server.say("0", "2", "everybody");
    await until(() => pablo.said("0").includes("everybody"), "everybody");
    pablo.control.visible = true;
    server.say("1:2", "2", "seen");
    await until(() => pablo.said("1:2").includes("seen"), "seen");
    expect(pablo.shown).toEqual(["Joe: psst"]);
  });

  test("presence is told once it has lasted, and flickering isn't", async () => {
    const pablo = await enter("1");
    const joe = await enter("2");

    await until(() => pablo.get().notes.length === 1, "Joe connected");
    server.cut();
    await until(() => joe.get().link === "online", "Joe is back");
    await until(() => pablo.get().link === "online", "Pablo is back");
    await new Promise((done) => setTimeout(done, 2500));
    expect(pablo.get().notes.map((note) => note.online)).toEqual([true]);
    expect(pablo.said("0")).toEqual([]);
  });
});
