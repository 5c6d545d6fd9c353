import { crashRun } from "@millrace/storage/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { crashDisk } from "./crash-disk.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 25);

describe("a lane over the simulated disk, crashed at any moment (S1, S4, S7)", () => {
  it.each([4096, 512] as const)(
    "keeps what was acknowledged and opens, on a device that writes %i bytes whole",
    async (atomicBytes) => {
      await assert(
        asyncProperty(integer({ min: 0, max: 2 ** 31 }), async (seed) => {
          expect(await crashRun(seed, (random) => crashDisk(random, atomicBytes))).toEqual([]);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
  );
});
