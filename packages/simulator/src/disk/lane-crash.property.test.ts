import { crashRun } from "@millrace/storage/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { crashDisk } from "./crash-disk.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 25);

/**
 * What a lane may say on a device that tears inside a page (FORMAT.md, W4): it takes the torn write for
 * damage and does not open. That costs a replica, never an acknowledged entry.
 */
const TORN_INSIDE_A_PAGE = / was written whole, but /;

describe("a lane over the simulated disk, crashed at any moment (S1, S4, S7)", () => {
  it("keeps what was acknowledged and opens, on a device that writes pages whole", async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        expect(await crashRun(seed, (random) => crashDisk(random, 4096))).toEqual([]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  it("keeps what was acknowledged or refuses to open, on a device that tears pages", async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const wrong = await crashRun(seed, (random) => crashDisk(random, 512));
        if (!TORN_INSIDE_A_PAGE.test(wrong[1] ?? "")) expect(wrong).toEqual([]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
