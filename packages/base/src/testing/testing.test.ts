import { describe, expect, it } from "vitest";

import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("the virtual clock", () => {
  it("runs what falls due in order of time, then of scheduling", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.schedule(20, () => seen.push(`b at ${clock.monotonicMs()}`));
    clock.schedule(10, () => {
      seen.push(`a at ${clock.monotonicMs()}`);
      clock.schedule(5, () => seen.push(`nested at ${clock.monotonicMs()}`));
    });
    clock.schedule(20, () => seen.push("c"));
    clock.schedule(21, () => seen.push("too late"));
    clock.soon(() => seen.push("soon"));
    clock.advance(20);
    expect(seen).toEqual(["soon", "a at 10", "nested at 15", "b at 20", "c"]);
  });

  it("does not run a cancelled timer", () => {
    const clock = new VirtualClock();
    let ran = false;
    clock.schedule(1, () => (ran = true)).cancel();
    clock.advance(10);
    expect(ran).toBe(false);
  });
});

describe("seeded chance", () => {
  it("gives the same numbers for the same seed, within the bound", () => {
    const draw = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 100 }, () => random.uniform(7));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(3))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });
});
