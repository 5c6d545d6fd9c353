/** Networks that carry one way only: one side goes on, without one election after another (L1, S6). */
import { describe, expect, it } from "vitest";

import { network } from "./scenarios/network.ts";

const FAULT_MS = 6000;

describe("a network between real processes", () => {
  it("that one node cannot send to, or receive from, or that only one bridges, stops nobody", async () => {
    const report = await network(3, FAULT_MS);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ rounds: 3, faults: 6, lost: 0, reordered: 0 });
  });
});
