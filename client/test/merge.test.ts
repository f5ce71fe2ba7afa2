import { describe, expect, test } from "vitest";

import { mergeMessages } from "../src/state/merge";
import { message } from "./helpers";

const ids = (list: { id: string }[]) => list.map((m) => Number(m.id));

describe("mergeMessages", () => {
  test("appends and prepends", () => {
    const list = [message(5), message(6)];

    expect(ids(mergeMessages(list, [message(7)]))).toEqual([5, 6, 7]);
    expect(ids(mergeMessages(list, [message(3), message(4)]))).toEqual([3, 4, 5, 6]);
  });

  test("puts late ones in their place and drops doubles", () => {
    const list = [message(1), message(4), message(6)];
    const merged = mergeMessages(list, [
      message(6),
      message(2),
      message(2),
      message(5),
    ]);

    expect(ids(merged)).toEqual([1, 2, 4, 5, 6]);
    expect(merged[0]).toBe(list[0]);
    expect(merged[4]).toBe(list[2]);
  });

  test("is the same list when nothing is new", () => {
    const list = [message(1), message(2)];

    expect(mergeMessages(list, [message(2)])).toBe(list);
    expect(mergeMessages(list, [])).toBe(list);
  });

  test("compares positions as numbers", () => {
    const a = { ...message(1), id: "1732431234.500000" };
    const b = { ...message(1), id: "1732431234.500001" };
    const c = { ...message(1), id: "999.000000" };

    expect(mergeMessages([a], [b, c])).toEqual([c, a, b]);
  });
});
