import { describe, expect, test } from "vitest";

import { hashOf, roomOf } from "../src/state/route";
import { Entries } from "../src/view/lib/entries";
import { linkify } from "../src/view/lib/linkify";
import { portraitOf } from "../src/view/lib/portrait";
import { RowLayout } from "../src/view/lib/row-layout";
import { briefLabel, dayLabel } from "../src/view/lib/times";
import { message } from "./helpers";

describe("linkify", () => {
  const links = (text: string) =>
    linkify(text)
      .filter((part) => part.href !== undefined)
      .map((part) => part.text);

  test("finds http and https, and nothing else", () => {
    expect(links("see https://example.com/a?b=c#d and http://x.org")).toEqual([
      "https://example.com/a?b=c#d",
      "http://x.org",
    ]);
    expect(
      links("javascript:alert(1) data:text/html,x ftp://x.org www.x.org http://"),
    ).toEqual([]);
  });

  test("leaves punctuation and brackets around an address out", () => {
    expect(links("(https://x.org/a_(b)), https://x.org/c. https://x.org/d?!")).toEqual([
      "https://x.org/a_(b)",
      "https://x.org/c",
      "https://x.org/d",
    ]);
  });

  test("loses no character", () => {
    for (const text of [
      "",
      "a\n b",
      "<b>https://x.org</b> &lt;",
      "x https://x.org.",
      "🎉",
    ]) {
      expect(
        linkify(text)
          .map((part) => part.text)
          .join(""),
      ).toBe(text);
    }
  });
});

describe("RowLayout", () => {
  const keys = (from: number, count: number) => (i: number) =>
    i < count ? String(from + i) : "";

  test("places measured rows exactly and guesses the others", () => {
    const layout = new RowLayout();

    layout.setRows(10, keys(0, 10));

    const guess = layout.top(1);

    layout.setHeight(0, 100);
    layout.setHeight(1, 20);
    expect(layout.top(2)).toBe(120);
    expect(layout.total).toBe(120 + 8 * guess);
    expect(layout.indexAt(-50)).toBe(0);
    expect(layout.indexAt(99)).toBe(0);
    expect(layout.indexAt(100)).toBe(1);
    expect(layout.indexAt(1e9)).toBe(9);
  });

  test("keeps heights when rows are put in before or behind", () => {
    const layout = new RowLayout();

    layout.setRows(2, keys(10, 2));
    layout.setHeight(0, 33);
    layout.setHeight(1, 44);
    layout.setRows(5, keys(7, 5));
    expect(layout.top(4) - layout.top(3)).toBe(33);
    expect(layout.total - layout.top(4)).toBe(44);
    layout.setRows(6, keys(7, 6));
    expect(layout.top(5) - layout.top(4)).toBe(44);
  });

  test("places 50,000 rows in little time", () => {
    const layout = new RowLayout();
    const start = performance.now();

    layout.setRows(50_000, keys(0, 50_000));
    layout.setHeight(25_000, 500);
    expect(layout.indexAt(layout.total / 2)).toBeGreaterThan(20_000);
    expect(performance.now() - start).toBeLessThan(250);
  });
});

describe("Entries", () => {
  const day = 86_400;
  const said = [
    { ...message(1, "2"), date: day * 10 },
    { ...message(2, "2"), date: day * 10 + 60 },
    { ...message(3, "3"), date: day * 10 + 70 },
    { ...message(4, "3"), date: day * 12 },
  ];

  test("groups by author and time, and starts days", () => {
    const entries = new Entries(said, [], "1", null, true);
    const all = [0, 1, 2, 3];

    expect(all.map((i) => entries.startsGroup(i))).toEqual([true, false, true, true]);
    expect(all.map((i) => entries.endsGroup(i))).toEqual([false, true, true, true]);
    expect(all.map((i) => entries.startsDay(i))).toEqual([true, false, false, true]);
  });

  test("has the line before what is new, once", () => {
    const entries = new Entries(said, [], "1", "2.000000", true);

    expect([0, 1, 2, 3].map((i) => entries.hasLine(i))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(entries.lineIndex()).toBe(2);
  });

  test("shows waiting messages last, but not beside their arrived selves", () => {
    const item = {
      nonce: "n",
      roomId: "0",
      text: "w",
      createdAt: day * 12_000,
      state: "sending" as const,
      error: "",
    };
    const waiting = new Entries(said, [item], "1", null, true);
    const arrived = new Entries(
      [...said, { ...message(5, "1"), nonce: "n" }],
      [item],
      "1",
      null,
      true,
    );

    expect(waiting.count).toBe(5);
    expect(waiting.at(4)).toMatchObject({ key: "n", from: "1", item });
    expect(arrived.count).toBe(5);
    expect(arrived.keyAt(4)).toBe("n");
    expect(arrived.at(4).item).toBeUndefined();
  });
});

describe("portraits", () => {
  test("are the same for the same name and differ between names", () => {
    const names = ["Pablo", "Joe", "Mary", "Alex", "Ana", "Anna", "Bo", "Bob"];
    const seen = new Set(names.map((name) => JSON.stringify(portraitOf(name))));

    expect(portraitOf("Pablo")).toEqual(portraitOf("Pablo"));
    expect(seen.size).toBe(names.length);
  });

  test("take initials of one or two words, also beyond ASCII", () => {
    expect(portraitOf("ada lovelace king").initials).toBe("AK");
    expect(portraitOf("émile").initials).toBe("É");
    expect(portraitOf("🎈balloon").initials).toBe("🎈");
    expect(portraitOf(" ").initials).toBe("");
  });
});

describe("times", () => {
  const now = new Date(2026, 4, 20, 0, 30);
  const seconds = (...args: [number, number, number, number]) =>
    new Date(...args).getTime() / 1000;

  test("days change at midnight, not after 24 hours", () => {
    expect(dayLabel(seconds(2026, 4, 20, 0), now)).toBe("Today");
    expect(dayLabel(seconds(2026, 4, 19, 23), now)).toBe("Yesterday");
    expect(dayLabel(seconds(2026, 4, 1, 5), now)).toMatch(/1/);
    expect(dayLabel(seconds(2025, 4, 1, 5), now)).toMatch(/2025/);
    expect(briefLabel(seconds(2026, 4, 19, 23), now)).toBe("Yesterday");
  });
});

describe("routes", () => {
  test("go through the address and back", () => {
    expect(roomOf(hashOf("1:2"))).toBe("1:2");
    expect(roomOf(hashOf(null))).toBeNull();
    expect(roomOf("#/room/%E0")).toBeNull();
  });
});
