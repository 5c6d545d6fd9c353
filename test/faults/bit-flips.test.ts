/**
 * A flipped bit on one node's disk: noticed before it is served or counted, healed without a person,
 * and nothing acknowledged is lost (S1, S2). `scripts/faults bit-flips` goes through every kind of file.
 */
import { describe, expect, it } from "vitest";

import { bitFlips } from "./scenarios/bit-flips.ts";

describe("a bit that flips on one node's disk", () => {
  it("is noticed and healed in the log and in segments, and harms nothing in free room", async () => {
    const kinds = ["wal-middle", "segment-frame", "wal-free"] as const;
    const report = await bitFlips(kinds.length, kinds);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 3, faults: 3, lost: 0, reordered: 0 });
  });
});
