import { SeededRandom } from "@millrace/base/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LaneStorage } from "./lane-storage.ts";
import { CrashModel } from "./testing/crash-model.ts";
import { laneOptions } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 60);
const ROUNDS = 5;

/** Runs the host until the disk has seen `operations` more operations, then crashes. */
async function runUntilCrash(
  model: CrashModel,
  disk: MemoryFileSystem,
  crashAfter: { left: number },
  random: SeededRandom,
  lose: "all" | "subset" | "none",
): Promise<boolean> {
  let crashed = false;
  const over = new Promise<void>((resolve) => {
    disk.observe = () => {
      if (--crashAfter.left > 0 || crashed) return;
      crashed = true;
      disk.observe = undefined;
      disk.crash({ lose, random });
      resolve();
    };
  });
  const turns = (async () => {
    for (let turn = 0; turn < 400 && !crashed; turn++) {
      await model.turn();
      if (model.lane?.failed !== undefined) throw model.lane.failed;
    }
    if (!crashed) {
      crashed = true;
      disk.observe = undefined;
      disk.crash({ lose, random });
    }
  })();
  await Promise.race([over, turns]);
  return crashed;
}

async function survives(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const disk = new MemoryFileSystem();
  const options = () => laneOptions(disk.attach(), { tailCacheBytes: random.uniform(2) * 300_000 });
  const model = new CrashModel(random);
  model.lane = await LaneStorage.open(options());
  for (let round = 0; round < ROUNDS; round++) {
    const lose = (["all", "subset", "subset", "none"] as const)[random.uniform(4)] ?? "all";
    await runUntilCrash(model, disk, { left: 20 + random.uniform(800) }, random, lose);
    const lane = await LaneStorage.open(options());
    expect(await model.adopt(lane), `seed ${seed}, round ${round}, lose ${lose}`).toEqual([]);
  }
}

describe("a crash at any operation of the disk (S1, S4, S7)", () => {
  it("leaves everything that was acknowledged and nothing that was not submitted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => survives(seed)),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
