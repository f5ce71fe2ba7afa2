import { describe, expect, test } from "vitest";

import { reduce } from "../src/state/reducer";
import { onlinePeople, sortedRooms, totalUnread } from "../src/state/selectors";
import { initialState, type Action, type State } from "../src/state/types";
import { message } from "./helpers";

const run = (state: State, ...actions: Action[]) => actions.reduce(reduce, state);

const room = (id: string, lastRead: string | null = null) => ({
  id,
  names: [id],
  lastRead,
});

const page = (roomId: string, from: number, to: number, complete = true): Action => ({
  type: "newestPage",
  roomId,
  complete,
  messages: Array.from({ length: to - from + 1 }, (_, i) =>
    message(from + i, "2", `text ${from + i}`, roomId),
  ),
});

const inside = run(
  initialState,
  {
    type: "entered",
    me: { id: "1", username: "Pablo" },
    outbox: [],
    drafts: {},
    notifications: false,
  },
  { type: "rooms", rooms: [room("0", "3"), room("1:2", "0")] },
);

const ids = (state: State, id: string) =>
  state.rooms[id]!.messages.map((m) => Number(m.id));

describe("unread", () => {
  test("counts what others said behind the last read position", () => {
    const state = run(inside, page("0", 1, 5));

    expect(state.rooms["0"]!.unread).toBe(2);
    expect(totalUnread(state)).toBe(2);
  });

  test("one's own words read everything before them", () => {
    const state = run(inside, page("0", 1, 5), {
      type: "received",
      messages: [message(6, "1")],
    });

    expect(state.rooms["0"]!.unread).toBe(0);
  });

  test("says when there may be more than is loaded", () => {
    const state = run(inside, page("1:2", 10, 20, false));

    expect(state.rooms["1:2"]!.unread).toBe(11);
    expect(state.rooms["1:2"]!.unreadMore).toBe(true);
  });

  test("looking at the end reads the room, and what comes meanwhile", () => {
    const state = run(
      inside,
      page("0", 1, 5),
      { type: "open", roomId: "0" },
      { type: "reading", reading: true },
      { type: "received", messages: [message(7)] },
    );

    expect(state.rooms["0"]!.unread).toBe(0);
    expect(state.rooms["0"]!.lastRead).toBe("7.000000");
  });

  test("another room's messages stay unread", () => {
    const state = run(
      inside,
      page("0", 1, 3),
      page("1:2", 1, 1),
      { type: "open", roomId: "0" },
      { type: "reading", reading: true },
      { type: "received", messages: [message(9, "2", "psst", "1:2")] },
    );

    expect(state.rooms["1:2"]!.unread).toBe(2);
  });

  test("what another tab has read is read here", () => {
    const state = run(inside, page("0", 1, 5), {
      type: "readElsewhere",
      roomId: "0",
      position: "5.000000",
    });

    expect(state.rooms["0"]!.unread).toBe(0);
  });
});

describe("the line above new messages", () => {
  test("is where reading ended, and stays while the room is open", () => {
    const state = run(
      inside,
      page("0", 1, 5),
      { type: "open", roomId: "0" },
      { type: "reading", reading: true },
    );

    expect(state.rooms["0"]!.lineAfter).toBe("3.000000");
  });

  test("comes when something is said while one looks elsewhere", () => {
    const state = run(
      inside,
      page("0", 1, 3),
      { type: "open", roomId: "0" },
      { type: "reading", reading: true },
      { type: "reading", reading: false },
      { type: "received", messages: [message(4)] },
      { type: "received", messages: [message(5)] },
    );

    expect(state.rooms["0"]!.lineAfter).toBe("3.000000");
    expect(state.rooms["0"]!.unread).toBe(2);
  });

  test("doesn't come while one reads along", () => {
    const state = run(
      inside,
      page("0", 1, 3),
      { type: "open", roomId: "0" },
      { type: "reading", reading: true },
      { type: "received", messages: [message(4)] },
    );

    expect(state.rooms["0"]!.lineAfter).toBeNull();
  });

  test("goes with leaving the room, and with writing in it", () => {
    const opened = run(inside, page("0", 1, 5), { type: "open", roomId: "0" });

    expect(
      run(opened, { type: "open", roomId: "1:2" }).rooms["0"]!.lineAfter,
    ).toBeNull();
    expect(
      run(opened, { type: "sent", message: message(6, "1") }).rooms["0"]!.lineAfter,
    ).toBeNull();
  });
});

describe("pages", () => {
  test("older ones go before, and the last of them ends it", () => {
    const state = run(inside, page("0", 10, 12, false), {
      type: "olderPage",
      roomId: "0",
      messages: [message(8), message(9)],
      complete: true,
    });

    expect(ids(state, "0")).toEqual([8, 9, 10, 11, 12]);
    expect(state.rooms["0"]!.older).toBe("ready");
  });

  test("a newest page that meets what is there is added to it", () => {
    const state = run(inside, page("0", 1, 5), page("0", 4, 8, false));

    expect(ids(state, "0")).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("one behind a hole replaces it, and older ones can be loaded again", () => {
    const state = run(inside, page("0", 1, 5), page("0", 50, 52, false));

    expect(ids(state, "0")).toEqual([50, 51, 52]);
    expect(state.rooms["0"]!.older).toBe("idle");
  });

  test("live messages from before the first page don't leave a hole", () => {
    const state = run(
      inside,
      { type: "received", messages: [message(40)] },
      { type: "received", messages: [message(52)] },
      page("0", 50, 51, false),
    );

    expect(ids(state, "0")).toEqual([50, 51, 52]);
  });
});

describe("rooms and people", () => {
  test("General is first, then the most recent", () => {
    const state = run(
      inside,
      { type: "rooms", rooms: [room("1:3"), room("1:4")] },
      page("0", 1, 1),
      page("1:2", 5, 5),
      page("1:3", 9, 9),
      page("1:4", 7, 7),
    );

    expect(sortedRooms(state).map((r) => r.id)).toEqual(["0", "1:3", "1:4", "1:2"]);
  });

  test("a private room without messages is listed only while it is used", () => {
    const empty = run(inside, page("1:2", 1, 0));

    expect(sortedRooms(empty).map((r) => r.id)).toEqual(["0"]);
    expect(
      sortedRooms(run(empty, { type: "open", roomId: "1:2" })).map((r) => r.id),
    ).toEqual(["0", "1:2"]);
    expect(
      sortedRooms(run(empty, { type: "draft", roomId: "1:2", text: "hm" })).length,
    ).toBe(2);
  });

  test("a room known by a message gets its names later, and keeps its messages", () => {
    const state = run(
      inside,
      { type: "rooms", rooms: [{ id: "7", names: [], lastRead: null }] },
      { type: "received", messages: [message(1, "2", "x", "7")] },
      { type: "rooms", rooms: [{ id: "7", names: ["Team"], lastRead: null }] },
    );

    expect(state.rooms["7"]!.names).toEqual(["Team"]);
    expect(state.rooms["7"]!.messages.length).toBe(1);
  });

  test("who isn't in the list of online people is away; oneself is there", () => {
    const joe = { id: "2", username: "Joe", online: true };
    const mary = { id: "3", username: "Mary", online: true };
    const state = run(
      inside,
      { type: "online", users: [joe, mary] },
      { type: "online", users: [mary] },
    );

    expect(onlinePeople(state)).toEqual([mary]);
    expect(state.users["1"]!.online).toBe(true);
  });

  test("leaving forgets everything but the links", () => {
    const state = run(
      inside,
      { type: "links", links: { github: "https://example.com/" } },
      page("0", 1, 5),
      { type: "left" },
    );

    expect(state).toEqual({
      ...initialState,
      phase: "out",
      links: { github: "https://example.com/" },
    });
  });
});

describe("deleted messages", () => {
  const gone = (id: number): Action => ({
    type: "deleted",
    roomId: "0",
    id: `${id}.000000`,
  });

  test("vanish, and no longer count as unread", () => {
    const state = run(inside, page("0", 1, 5), gone(2), gone(5));

    expect(ids(state, "0")).toEqual([1, 3, 4]);
    expect(state.rooms["0"]!.unread).toBe(1);
  });

  test("are not brought back by what was on its way", () => {
    const state = run(
      inside,
      gone(3),
      page("0", 1, 5),
      gone(4),
      { type: "received", messages: [message(4, "2"), message(6, "2")] },
      { type: "sent", message: message(3, "1") },
    );

    expect(ids(state, "0")).toEqual([1, 2, 5, 6]);
    expect(ids(run(state, page("0", 1, 6)), "0")).toEqual([1, 2, 5, 6]);
  });

  test("of an older page, and of a room that isn't known", () => {
    const state = run(inside, page("0", 4, 5, false), gone(2), {
      type: "olderPage",
      roomId: "0",
      complete: true,
      messages: [message(1, "2"), message(2, "2"), message(3, "2")],
    });

    expect(ids(state, "0")).toEqual([1, 3, 4, 5]);
    expect(run(state, { ...gone(1), roomId: "9:10" } as Action)).toBe(state);
  });

  test("leave the other messages' list as it is", () => {
    const before = run(inside, page("0", 1, 3));

    expect(run(before, gone(9)).rooms["0"]!.messages).toBe(
      before.rooms["0"]!.messages,
    );
  });
});
