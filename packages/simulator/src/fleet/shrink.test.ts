import { describe, expect, it } from "vitest";

import type { Fault } from "../faults/fault.ts";
import { ruleOf, shrink } from "./shrink.ts";

const fault = (atMs: number): Fault => ({
  atMs,
  kind: "half-open",
  act: "half-open",
  from: "n1",
  to: "n2",
});
const faults = Array.from({ length: 40 }, (_, at) => fault(at));

function deps(needed: readonly number[], runsMax = 1000) {
  const tried: (readonly Fault[])[] = [];
  return {
    tried,
    atOnce: 2,
    hasTime: () => tried.length < runsMax,
    progress: () => {},
    breaks: async (list: readonly Fault[]) => {
      tried.push(list);
      return needed.every((atMs) => list.some((each) => each.atMs === atMs));
    },
  };
}

describe("shrinking a list of faults (Zeller and Hildebrandt, 2002)", () => {
  it.each([[[]], [[7]], [[0, 39]], [[3, 4, 20, 31]]])(
    "leaves those that the failure needs: %j",
    async (needed) => {
      const least = await shrink(faults, deps(needed));
      expect(least.map(({ atMs }) => atMs)).toEqual(needed);
    },
  );

  it("leaves a list that still fails when its time is over", async () => {
    const limited = deps([3, 31], 6);
    const left = await shrink(faults, limited);
    expect(left.length).toBeLessThan(faults.length);
    expect(left.map(({ atMs }) => atMs)).toEqual(expect.arrayContaining([3, 31]));
    expect(limited.tried.length).toBeLessThanOrEqual(7);
  });

  it("knows a rule by the words before the colon", () => {
    expect(ruleOf("O1: node 1 and node 2 lead group 7 in term 4")).toBe("O1");
  });
});
