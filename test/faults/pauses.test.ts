/** A leader that slept acknowledges nothing in its old term (S11), and nothing is lost (S1). */
import { describe, expect, it } from "vitest";

import { pauses } from "./scenarios/pauses.ts";

const PAUSE_MS = 8000;

describe("a leader that sleeps and wakes", () => {
  it("acknowledges none of the appends that it finds in its sockets", async () => {
    const report = await pauses(1, PAUSE_MS);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 1, lost: 0, figures: { acknowledgedInOldTerm: 0 } });
    expect(report.figures["sentToSleepingLeader"]).toBeGreaterThan(0);
  });
});
