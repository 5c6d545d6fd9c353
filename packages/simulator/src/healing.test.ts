import { describe, expect, it } from "vitest";

import type { Fault } from "./faults/fault.ts";
import { optionsOf } from "./options.ts";
import { runSeed } from "./run-seed.ts";

const SECONDS = 13;
const BAD = 2;

/**
 * A cluster of three under load whose second node meets `faults`. In the end everything that was
 * acknowledged is read back, and every replica is at the same index with the same entries.
 */
async function runWith(seed: bigint, faults: readonly Fault[]) {
  const options = optionsOf(seed, SECONDS * 1000, { nodes: 3, faultList: faults });
  const lines: string[] = [];
  const load = { shards: 2, producers: 2, thinkMs: 25, recordsMax: 20, recordBytesMax: 4000 };
  const disks = { walFileBytes: 1024 * 1024, tailCacheBytes: 64 * 1024 };
  const lane = { shipAboveEntries: 8 };
  const result = await runSeed({ ...options, ...load, ...disks, lane }, (line) => lines.push(line));
  const said = (words: string): number => lines.filter((line) => line.includes(words)).length;
  // Each shard has a replica on each node, or there is nobody to heal from.
  expect(said("A shard replica was created")).toBeGreaterThanOrEqual(6);
  return { result, said };
}

/** Bits of the files from `from` on, 0..1 in the order of their names; the identity is the first file. */
function flips(count: number, startMs: number, from: number): readonly Fault[] {
  return Array.from({ length: count }, (_, at) => ({
    kind: "rot",
    act: "rot",
    atMs: startMs + 20 * at,
    node: BAD,
    damage: "bit-flip",
    file: from + ((1 - from) * at) / count,
    place: (at * 0.377) % 1,
    bit: at % 8,
  }));
}

const restart: Fault = {
  kind: "crash",
  act: "crash",
  atMs: 9000,
  loss: "process",
  nodes: [{ node: BAD, downMs: 2000 }],
};

describe("a node whose disk is damaged heals from its peers while clients go on (S1, S2, L2)", () => {
  it("when bits of its files flip while it runs", { timeout: 240_000 }, async () => {
    const { result } = await runWith(54n, flips(40, 6000, 0.3));
    expect(result.violations).toEqual([]);
    expect(result.faults.get("rot")?.fired).toBe(40);
  });

  it("when its log is damaged and it starts from that", { timeout: 240_000 }, async () => {
    const { result, said } = await runWith(54n, [restart, ...flips(60, 9100, 0.3)]);
    expect(result.violations).toEqual([]);
    expect(said("is damaged")).toBeGreaterThan(0);
    expect(said("the log of a group is shipped here")).toBeGreaterThan(0);
  });

  it("when its whole disk is replaced", { timeout: 240_000 }, async () => {
    const wipe: Fault = { kind: "wipe", act: "wipe", atMs: 6000, node: BAD, downMs: 1000 };
    const { result, said } = await runWith(54n, [wipe]);
    expect(result.violations).toEqual([]);
    expect(said("the log of a group is shipped here")).toBeGreaterThan(0);
  });
});
