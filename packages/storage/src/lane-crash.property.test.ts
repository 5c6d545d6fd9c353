import { SeededRandom } from "@millrace/base/testing";
import { assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { LaneStorage } from "./lane-storage.ts";
import { CrashModel } from "./testing/crash-model.ts";
import { laneOptions } from "./testing/lane-fixture.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 40);
const ROUNDS = 5;

/** Runs the host until the disk has seen `operations` more operations, or it has done enough; then crashes. */
async function runUntilCrash(
  model: CrashModel,
  disk: MemoryFileSystem,
  operations: number,
  crash: () => void,
): Promise<void> {
  const state = { crashed: false, left: operations };
  const crashOnce = () => {
    if (state.crashed) return;
    state.crashed = true;
    disk.observe = undefined;
    crash();
  };
  const over = new Promise<void>((resolve) => {
    disk.observe = () => {
      if (--state.left > 0) return;
      crashOnce();
      resolve();
    };
  });
  const turns = async () => {
    for (let turn = 0; turn < 400 && !state.crashed; turn++) {
      await model.turn();
      if (model.lane?.failed !== undefined) throw model.lane.failed;
    }
    crashOnce();
  };
  await Promise.race([over, turns()]);
}

async function survives(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const disk = new MemoryFileSystem();
  const options = () => laneOptions(disk.attach(), { tailCacheBytes: random.uniform(2) * 300_000 });
  const model = new CrashModel(random);
  model.lane = await LaneStorage.open(options());
  for (let round = 0; round < ROUNDS; round++) {
    const lose = (["all", "subset", "process", "process"] as const)[random.uniform(4)] ?? "all";
    const crash = () => disk.crash({ lose, random });
    await runUntilCrash(model, disk, 20 + random.uniform(800), crash);
    const lane = await LaneStorage.open(options());
    expect(await model.adopt(lane), `seed ${seed}, round ${round}, lose ${lose}`).toEqual([]);
  }
}

describe("a crash at any operation of the disk (S1, S4, S7)", () => {
  it("leaves everything that was acknowledged and nothing that was not submitted", async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: 2 ** 31 }), (seed) => survives(seed)),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
