/**
 * Disks that fail, fill up and stall under a node that others depend on (architecture: an error of a
 * sync is never retried; a full disk refuses puts and goes on reading; a stalled disk leads nothing).
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { kinesis, readStream } from "../../e2e/support/kinesis.ts";
import { pause, until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultProof, FaultRun } from "../support/chaos.ts";
import type { FaultCluster } from "../support/fault-cluster.ts";
import type { FaultReport } from "../support/report.ts";

export const DISK_FAULTS = ["eio", "stall", "low", "full"] as const;
export type DiskFault = (typeof DISK_FAULTS)[number];

const LEADERLESS_MS_MAX = 4000;
const STALL_MS = 5000;
/** Default of the setting putDeadlineMs: puts that were accepted before may be answered for so long. */
const PUT_DEADLINE_MS = 5000;
const LEADS_MS_MAX = 90_000;

const nodeOf = (round: number) => NODES[round % NODES.length] ?? "node-1";

/** Turns a fault on; the answer turns it off. */
function breakDisk(cluster: FaultCluster, name: string, fault: DiskFault): () => void {
  const folder = join(cluster.nodeDirectory(name), "switches");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, fault), "");
  return () => rmSync(join(folder, fault), { force: true });
}

/** The node whose sync failed ends, and is started again. */
async function failSync({ cluster, round }: FaultRun): Promise<void> {
  const victim = nodeOf(round);
  const before = cluster.process(victim).starts;
  const mend = breakDisk(cluster, victim, "eio");
  try {
    await until(`${victim} ends and is started again`, 20_000, () => {
      return cluster.process(victim).starts > before;
    });
  } finally {
    mend();
  }
}

/** Leadership leaves a disk that stalls. */
async function stall({ cluster, workload, round, report }: FaultRun): Promise<void> {
  const victim = nodeOf(round);
  await until(
    `${victim} leads`,
    LEADS_MS_MAX,
    async () => ((await cluster.leads()).get(victim) ?? 0) > 0,
  );
  const mend = breakDisk(cluster, victim, "stall");
  const startedMs = performance.now();
  try {
    const movedMs = await until(`leaders of ${victim} moved`, LEADERLESS_MS_MAX, async () => {
      return (await cluster.leads()).get(victim) === 0;
    });
    report.figures["leadershipMovedMsMax"] = Math.max(
      report.figures["leadershipMovedMsMax"] ?? 0,
      movedMs,
    );
    const before = workload.acknowledged;
    await until("writes on the others", 5000, () => workload.acknowledged > before + 100);
    await pause(Math.max(0, STALL_MS - (performance.now() - startedMs)));
  } finally {
    mend();
  }
}

/** Puts are refused while space is low, reads are served, and no process ends. */
async function runLow({ cluster, workload, streamName }: FaultRun): Promise<void> {
  const starts = NODES.map((name) => cluster.process(name).starts);
  const mends = NODES.map((name) => breakDisk(cluster, name, "low"));
  try {
    await pause(PUT_DEADLINE_MS + 1000);
    const before = workload.acknowledged;
    const client = kinesis(cluster);
    const read = await readStream(client, streamName);
    client.destroy();
    if (read.length < before) {
      throw new Error(`${read.length} records were readable of ${before} while space was low`);
    }
    await pause(2000);
    requireNone(workload.acknowledged - before, "low");
  } finally {
    for (const mend of mends) mend();
  }
  const after = NODES.map((name) => cluster.process(name).starts);
  if (String(after) !== String(starts)) throw new Error("a node ended because space was low");
}

/** Writes that find no space end the nodes, which come back when it is freed. */
async function runFull({ cluster, workload }: FaultRun): Promise<void> {
  const mends = NODES.map((name) => breakDisk(cluster, name, "full"));
  try {
    await pause(PUT_DEADLINE_MS + 1000);
    const before = workload.acknowledged;
    await pause(2000);
    requireNone(workload.acknowledged - before, "full");
  } finally {
    for (const mend of mends) mend();
  }
}

function requireNone(acknowledged: number, disk: string): void {
  if (acknowledged > 0) throw new Error(`${acknowledged} puts succeeded while disks were ${disk}`);
}

const FAULTS: Record<DiskFault, FaultProof["fault"]> = {
  eio: failSync,
  stall,
  low: runLow,
  full: runFull,
};

/** Rounds of one kind, or of all in turn. */
export function disks(
  rounds: number,
  kinds: readonly DiskFault[] = DISK_FAULTS,
): Promise<FaultReport> {
  const suffix = kinds === DISK_FAULTS ? "" : `-${kinds.join("-")}`;
  return prove({
    name: `disks${suffix}`,
    rounds,
    cluster: { set: { "test-power-cuts": "true", "test-disk-switches": "true" } },
    paceMs: 10,
    fault: async (run) => {
      const kind = kinds[(run.round - 1) % kinds.length] ?? "eio";
      await FAULTS[kind](run);
      run.report.figures[kind] = (run.report.figures[kind] ?? 0) + 1;
    },
  });
}
