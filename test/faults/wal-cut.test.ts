/** A log whose last write never finished loses that write whole, and nothing else (S1, S7). */
import { describe, expect, it } from "vitest";

import { walCut } from "./scenarios/wal-cut.ts";

/** A prime, so that over the sectors of a page every place in a sector has its turn. */
const STEP = 61;

describe("the last batch of a log", () => {
  it("is there whole or not at all, wherever it is cut", async () => {
    const report = await walCut(1, STEP);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 1, faults: 1, lost: 0, reordered: 0 });
    expect(report.figures["offsets cut off"]).toBeGreaterThan(50);
  });
});
