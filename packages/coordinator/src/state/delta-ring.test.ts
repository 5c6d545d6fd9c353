import { describe, expect, it } from "vitest";

import { DeltaRing } from "./delta-ring.ts";

const change = (key: string, json = "{}") => ({ key, json });

describe("the ring of deltas", () => {
  it("finds what follows an index", () => {
    const ring = new DeltaRing();
    ring.push(3, [change("a")]);
    ring.push(7, [change("b")]);
    expect([0, 2, 3, 6, 7].map((index) => ring.after(index)?.index)).toEqual([
      3,
      3,
      7,
      7,
      undefined,
    ]);
    expect(ring.covers(0)).toBe(true);
  });

  it("drops the oldest beyond its bound of changes and then no longer covers them", () => {
    const ring = new DeltaRing(4, 1_000_000);
    for (let index = 1; index <= 10; index++) ring.push(index, [change("a"), change("b")]);
    expect(ring.covers(8)).toBe(true);
    expect(ring.covers(7)).toBe(false);
    expect(ring.after(8)?.index).toBe(9);
  });

  it("drops by bytes too, but keeps the newest delta whatever its size", () => {
    const ring = new DeltaRing(1000, 10);
    ring.push(1, [change("a")]);
    ring.push(2, [change("b", "x".repeat(100))]);
    expect([ring.covers(0), ring.covers(1), ring.after(1)?.bytes]).toEqual([false, true, 101]);
  });

  it("covers nothing before a snapshot", () => {
    const ring = new DeltaRing();
    ring.push(1, [change("a")]);
    ring.reset(50);
    expect([ring.covers(49), ring.covers(50), ring.after(0)]).toEqual([false, true, undefined]);
  });
});
