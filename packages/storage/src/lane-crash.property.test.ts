import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { crashRun } from "./testing/crash-run.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 25);

describe("a crash at any operation of the disk (S1, S4, S7)", () => {
  it("leaves everything that was acknowledged and nothing that was not submitted", async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        expect(await crashRun(seed)).toEqual([]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
