import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { optionsOf } from "./options.ts";
import { runSeed } from "./run-seed.ts";

const SECONDS = 4;
const main = fileURLToPath(new URL("main.ts", import.meta.url));

async function hashOf(seed: bigint): Promise<string> {
  const { traceHash, violations } = await runSeed(optionsOf(seed, SECONDS * 1000));
  expect(violations).toEqual([]);
  return traceHash;
}

function hashInFreshProcess(seed: bigint): string | undefined {
  const args = ["--conditions=@millrace/source", "--import", "tsx", main];
  const output = execFileSync(
    process.execPath,
    [...args, "--seed", String(seed), "--seconds", String(SECONDS)],
    { encoding: "utf8" },
  );
  return /^trace (?<hash>[0-9a-f]{64})$/m.exec(output)?.groups?.["hash"];
}

describe("a seed", () => {
  it("replays bit for bit in one process", { timeout: 120_000 }, async () => {
    const seeds = [1n, 2n, 3n, 4n, 5n];
    const hashes: string[] = [];
    for (const seed of [...seeds, ...seeds]) hashes.push(await hashOf(seed));
    expect(hashes.slice(seeds.length)).toEqual(hashes.slice(0, seeds.length));
    expect(new Set(hashes).size).toBe(seeds.length);
  });

  it("replays bit for bit in a fresh process", { timeout: 120_000 }, async () => {
    for (const seed of [11n, 12n]) expect(hashInFreshProcess(seed)).toBe(await hashOf(seed));
  });
});
