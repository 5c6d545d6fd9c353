/**
 * The last batch of a log cut short at every byte: what a write leaves that never finished.
 *
 * A cut batch must disappear whole and alone. Every offset is tried on copies of a real node's files,
 * cut off and zeroed from there on, and some on a whole cluster, where the node also finds that it
 * lacks what it had acknowledged and must not count as having it.
 */
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { join, relative } from "node:path";

import { SeededRandom } from "@millrace/base/testing";

import { until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultRun } from "../support/chaos.ts";
import { mapOfDisk } from "../support/disk-map.ts";
import { openFiles, readLaneFiles } from "../support/lane-copy.ts";
import type { LaneContent, LaneFiles } from "../support/lane-copy.ts";
import { compareReplicas, untilHealed } from "../support/replicas.ts";
import { addFigure } from "../support/report.ts";
import type { FaultReport } from "../support/report.ts";
import { seedOf } from "../support/seed.ts";

const MODES = ["cut off", "zeroed"] as const;
type Mode = (typeof MODES)[number];

const HEAL_MS_MAX = 60_000;
const PROBLEMS_MAX = 5;

/** @param step Bytes between the offsets that are tried on copies; 1 tries all. */
export function walCut(rounds: number, step = 1): Promise<FaultReport> {
  const random = new SeededRandom(seedOf("wal-cut"));
  return prove({
    name: "wal-cut",
    rounds,
    paceMs: 50,
    roundsPerLot: 20,
    prepare: (run) => tryEveryOffset(run, step),
    fault: async (run) => {
      const { cluster, workload, round, report } = run;
      const victim = NODES[round % NODES.length] ?? "node-1";
      const mode = MODES[round % MODES.length] ?? "zeroed";
      await workload.hold();
      await untilHealed(cluster, HEAL_MS_MAX);
      await cluster.stopNode(victim);
      const last = await lastBatch(join(cluster.nodeDirectory(victim), "lane"));
      const offset = last.start + random.uniform(last.end - last.start);
      damageFile(last.path, offset, mode);
      console.log(
        `round ${round}: last batch of ${victim}, ${last.start}..${last.end - 1}, ${mode} at ${offset}`,
      );
      cluster.startNode(victim);
      workload.release();
      await until(`${victim} is up`, HEAL_MS_MAX, () => cluster.isReady(victim));
      await workload.hold();
      const healMs = await untilHealed(cluster, HEAL_MS_MAX);
      report.figures["healMsMax"] = Math.max(report.figures["healMsMax"] ?? 0, healMs);
      report.problems.push(...(await compareReplicas(cluster)));
      workload.release();
    },
  });
}

async function lastBatch(lane: string) {
  const last = (await mapOfDisk(lane)).find(({ kind }) => kind === "wal-last");
  if (last === undefined) throw new Error(`no batch behind a checkpoint in ${lane}`);
  return last;
}

function damageFile(path: string, offset: number, mode: Mode): void {
  if (mode === "cut off") truncateSync(path, offset);
  else writeFileSync(path, damaged(readFileSync(path), offset, mode));
}

function damaged(bytes: Buffer, offset: number, mode: Mode): Buffer {
  if (mode === "cut off") return Buffer.from(bytes.subarray(0, offset));
  return Buffer.from(bytes).fill(0, offset);
}

/** What a node holds with its last batch, and what without it: nothing else may come out. */
async function tryEveryOffset(run: FaultRun, step: number): Promise<void> {
  const { cluster, workload, report } = run;
  await workload.hold();
  await untilHealed(cluster, HEAL_MS_MAX);
  const [victim] = NODES;
  const { nodeId } = cluster.process(victim).plan;
  await cluster.stopNode(victim);
  const lane = join(cluster.nodeDirectory(victim), "lane");
  const files = readLaneFiles(lane);
  const { path, start, end } = await lastBatch(lane);
  cluster.startNode(victim);
  const name = relative(lane, path);
  const whole = await openFiles(files, nodeId);
  const without = await openFiles(withDamage(files, name, start, "zeroed"), nodeId);
  requirePrefix(without, whole);
  // Producers wait meanwhile: their clock would stand still with ours.
  for (const mode of MODES) {
    for (let offset = start; offset < end; offset += step) {
      const found = await openFiles(withDamage(files, name, offset, mode), nodeId);
      addFigure(report, `offsets ${mode}`, 1);
      if (isDeepStrictEqual(found, without) || isDeepStrictEqual(found, whole)) continue;
      report.problems.push(`${name} ${mode} at ${offset}: neither with the last batch nor without`);
      if (report.problems.length >= PROBLEMS_MAX) return;
    }
  }
  workload.release();
}

function withDamage(files: LaneFiles, name: string, offset: number, mode: Mode): LaneFiles {
  const bytes = files.get(name) ?? Buffer.alloc(0);
  return new Map([...files, [name, damaged(bytes, offset, mode)]]);
}

/** The cut takes entries off the end of groups, and nothing else. */
function requirePrefix(cut: LaneContent, whole: LaneContent): void {
  if (cut.damaged > 0) throw new Error("a batch that never finished was taken for damage");
  for (const [groupId, { entries }] of whole.groups) {
    const left = cut.groups.get(groupId)?.entries ?? [];
    if (isDeepStrictEqual(left, entries.slice(0, left.length))) continue;
    throw new Error(`S1: group ${groupId} lost more than its last batch`);
  }
}
