/**
 * Power cuts of real processes under load: no acknowledged record is lost (S1), none is invented (S4),
 * order per key holds (S3), and a vote given is a vote kept (S7). `scripts/faults` runs many more.
 */
import { describe, expect, it } from "vitest";

import { jepsen, powerCuts } from "./scenarios/power-cuts.ts";

describe("power cuts under load", () => {
  it("lose nothing acknowledged when all nodes go dark at once", async () => {
    const report = await powerCuts(3);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 3, faults: 9, lost: 0, reordered: 0 });
    expect(report.acknowledged).toBeGreaterThan(300);
  });

  it("lose nothing acknowledged when one goes dark while another has just woken", async () => {
    const report = await jepsen(1, 3000);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 1, faults: 2, lost: 0, reordered: 0 });
  });
});
