import { CRASH_POINTS } from "@millrace/storage/testing";
import type { CrashPoint } from "@millrace/storage/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runToPoint } from "./crash-at-point.ts";
import type { PointRun, Victim } from "./crash-at-point.ts";

/** Between them these runs pass every place; each place is tried in the first run that passes it. */
const SEEDS = [1, 2, 3, 4];
const LOSSES: readonly Victim["loss"][] = ["all", "subset", "process", "suffix", "prefix"];
/** More runs try every loss at every moment instead of one each in turn. */
const ALL_LOSSES = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 25) > 25;

const probes = new Map<number, PointRun>();
const tried = new Map<CrashPoint, number>();

const passed = (point: CrashPoint) =>
  [...probes.values()].reduce((sum, { hits }) => sum + (hits.before.get(point) ?? 0), 0);

/** The first, second and last time, at each moment, with the losses in turn. */
function victimsOf(point: CrashPoint, { hits }: PointRun): readonly Victim[] {
  const victims: Victim[] = [];
  for (const moment of ["before", "pending", "after"] as const) {
    const last = hits[moment].get(point) ?? 0;
    const occurrences = new Set([1, 2, last].filter((at) => at <= last));
    for (const occurrence of occurrences) {
      if (occurrence < 1) continue;
      const turn = victims.length + CRASH_POINTS.indexOf(point);
      const one = LOSSES[turn % LOSSES.length] ?? "all";
      for (const loss of ALL_LOSSES ? LOSSES : [one]) {
        victims.push({ point, occurrence, moment, loss });
      }
    }
  }
  return victims;
}

describe("a lane that is killed at a named place (S1, S4, S7)", () => {
  beforeAll(async () => {
    for (const seed of SEEDS) probes.set(seed, await runToPoint(seed));
  });

  afterAll(() => {
    const rows = CRASH_POINTS.map(
      (point) =>
        `${point.padEnd(34)} passed ${String(passed(point)).padStart(4)} times, ` +
        `killed there ${String(tried.get(point) ?? 0).padStart(3)} times`,
    );
    process.stdout.write(`${rows.join("\n")}\n`);
  });

  it("passes every place when nobody kills it, and keeps its promises", () => {
    expect([...probes.values()].flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(CRASH_POINTS.filter((point) => passed(point) === 0)).toEqual([]);
  });

  it.each(CRASH_POINTS)("keeps what was acknowledged, and opens again: %s", async (point) => {
    const [seed = 0, probe] = [...probes].find(([, { hits }]) => hits.before.has(point)) ?? [];
    const victims = probe === undefined ? [] : victimsOf(point, probe);
    const outcomes: unknown[] = [];
    for (const victim of victims) {
      const { crashed, wrong } = await runToPoint(seed, victim);
      outcomes.push({ seed, ...victim, crashed, wrong });
    }
    tried.set(point, victims.length);
    expect(victims.length).toBeGreaterThan(0);
    expect(outcomes).toEqual(
      victims.map((victim) => ({ seed, ...victim, crashed: true, wrong: [] })),
    );
  });
});
