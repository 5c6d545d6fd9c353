/** Many shards under one node, a tenth of what `scripts/faults` takes: killed, and left alone. */
import { describe, expect, it } from "vitest";

import { idle } from "./scenarios/idle.ts";
import { manyShards } from "./scenarios/many-shards.ts";

const MEASURE_MS = 10_000;

describe("many shards", () => {
  it("take writes again soon after the node that leads them was killed (L1), and keep them (S1)", async () => {
    const report = await manyShards(1, 90);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 1, acknowledged: 180, lost: 0 });
  });

  it("cost next to nothing while nobody uses them", async () => {
    const report = await idle(1, 90, MEASURE_MS);
    expect(report.problems).toEqual([]);
  });
});
