/** Source: etcd-raft v3.7 tracker/inflights_test. */
import { describe, expect, it } from "vitest";
import { Inflights } from "./inflights.ts";

describe("the window of appends on the way", () => {
  it("keeps what is added in order, across the end of the ring (TestInflightsAdd)", () => {
    const window = new Inflights(10, 0);
    for (let i = 0; i < 10; i += 1) window.add(i, 100 + i);
    window.freeThrough(4);
    for (let i = 10; i < 15; i += 1) window.add(i, 100 + i);
    expect([window.toArray(), window.bytes]).toEqual([
      [5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
      1_000 + 95,
    ]);
  });

  it("forgets everything up to the acknowledged index (TestInflightFreeTo)", () => {
    const window = new Inflights(10, 0);
    for (let i = 0; i < 10; i += 1) window.add(i, 1);
    window.freeThrough(0);
    expect(window.toArray()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    window.freeThrough(8);
    expect([window.toArray(), window.bytes]).toEqual([[9], 1]);
    for (let i = 10; i < 15; i += 1) window.add(i, 2); // around the end of the ring
    window.freeThrough(12);
    expect([window.toArray(), window.bytes]).toEqual([[13, 14], 4]);
    window.freeThrough(100);
    expect([window.toArray(), window.bytes]).toEqual([[], 0]);
  });

  it.each([
    { name: "no message, if none is allowed", max: 0, bytes: 0, count: 0 },
    { name: "as many messages as are allowed", max: 3, bytes: 0, count: 3 },
    { name: "as many messages as are allowed, below the bytes", max: 2, bytes: 1_000, count: 2 },
    { name: "exactly the bytes that are allowed", max: 10, bytes: 200, count: 2 },
    { name: "the message that crosses the bytes", max: 10, bytes: 150, count: 2 },
    { name: "one message that is larger than the bytes", max: 10, bytes: 5, count: 1 },
  ])("is full with $name, and not before (TestInflightsFull)", ({ max, bytes, count }) => {
    const window = new Inflights(max, bytes);
    for (let i = 0; i < count; i += 1) {
      expect(window.isFull()).toBe(false);
      window.add(i, 100);
    }
    expect(window.isFull()).toBe(true);
    expect(() => window.add(100, 1)).toThrow("cannot add into a Full inflights");
  });

  it("is empty after a reset, with its limits (TestInflightsReset)", () => {
    const window = new Inflights(2, 0);
    window.add(1, 10);
    window.add(2, 10);
    window.reset();
    expect([window.count, window.bytes, window.isFull()]).toEqual([0, 0, false]);
    window.add(3, 1);
    expect(window.toArray()).toEqual([3]);
  });

  it("gives a copy that later messages do not reach", () => {
    const window = new Inflights(Infinity, 0);
    window.add(1, 5);
    const copy = window.clone();
    window.add(2, 5);
    expect([copy.toArray(), copy.bytes, window.toArray()]).toEqual([[1], 5, [1, 2]]);
  });
});
