/**
 * Rounds of one fault against a real cluster under load.
 *
 * Rounds run in lots, each on a cluster and a stream of its own, which is read back whole and checked
 * before the lot counts. What was shown stays in the report when a later lot is cut off.
 */
import { createStream, kinesis, readStream } from "../../e2e/support/kinesis.ts";
import { until } from "../../e2e/support/waiting.ts";
import { Workload } from "../../e2e/support/workload.ts";
import { FaultCluster } from "./fault-cluster.ts";
import type { FaultClusterOptions } from "./fault-cluster.ts";
import { loadReport, logFolderOf, saveReport } from "./report.ts";
import type { FaultReport } from "./report.ts";

export const NODES = ["node-1", "node-2", "node-3"] as const;

const ROUNDS_PER_LOT = 10;
const RESUME_MS_MAX = 30_000;
const READY_MS_MAX = 60_000;
/** Problems that are kept in words. */
const PROBLEMS_MAX = 20;

export interface FaultRun {
  readonly cluster: FaultCluster;
  readonly workload: Workload;
  readonly streamName: string;
  /** 1 for the first of the whole proof. */
  readonly round: number;
  readonly report: FaultReport;
}

export interface FaultProof {
  readonly name: string;
  readonly rounds: number;
  readonly cluster?: FaultClusterOptions;
  /** @default 4 */
  readonly shards?: number;
  /** Producers wait so long between calls, milliseconds. @default 0 */
  readonly paceMs?: number;
  /** @default 10 */
  readonly roundsPerLot?: number;
  /** Once per cluster, under load, before its first fault. */
  readonly prepare?: (run: FaultRun) => Promise<void>;
  /** One round. Writes must resume after it. The answer is how many faults it fired, 1 when it has none. */
  readonly fault: (run: FaultRun) => Promise<number | void>;
  /** Once per cluster, after the last round and the check of what is stored. */
  readonly finish?: (run: FaultRun) => Promise<void>;
  /** Once per cluster, whatever has happened, when its processes are gone. */
  readonly close?: () => Promise<void>;
}

/** Runs the rounds that the report still lacks. */
export async function prove(proof: FaultProof): Promise<FaultReport> {
  const { name, rounds, roundsPerLot = ROUNDS_PER_LOT } = proof;
  const report = loadReport(name);
  if (report.rounds > 0) console.log(`${name}: goes on after round ${report.rounds}`);
  while (report.rounds < rounds && report.problems.length === 0) {
    await runLot(proof, report, Math.min(roundsPerLot, rounds - report.rounds));
    saveReport(report);
    console.log(
      `${name}: ${report.rounds}/${rounds} rounds, acknowledged ${report.acknowledged}, ` +
        `lost ${report.lost}, problems ${report.problems.length}`,
    );
  }
  return report;
}

async function runLot(proof: FaultProof, report: FaultReport, rounds: number): Promise<void> {
  const cluster = await FaultCluster.start(proof.cluster);
  const admin = kinesis(cluster);
  try {
    const streamName = `${proof.name}-${report.rounds}`;
    await createStream(admin, streamName, proof.shards ?? 4);
    const workload = startWorkload(cluster, streamName, proof.paceMs);
    const run = { cluster, workload, streamName, round: report.rounds, report };
    await until("first acknowledgement", 10_000, () => workload.acknowledged > 100);
    try {
      await proof.prepare?.(run);
      for (let round = 1; round <= rounds; round++) await runRound(proof, run, round);
    } catch (error) {
      note(report, error instanceof Error ? error.message : String(error));
    }
    // Also after a problem: whether anything was lost is the first question then.
    await workload.stop();
    const problems = workload.check(await readStream(admin, streamName));
    if (report.problems.length === 0) await proof.finish?.(run);
    count(report, workload, problems);
  } catch (error) {
    note(report, error instanceof Error ? error.message : String(error));
  } finally {
    admin.destroy();
    if (report.problems.length > 0) cluster.keepLogs(logFolderOf(report));
    await cluster.remove();
    await proof.close?.();
  }
}

function startWorkload(cluster: FaultCluster, streamName: string, paceMs = 0): Workload {
  const workload = new Workload({
    streamName,
    producers: 4,
    recordsPerCall: 10,
    paddingBytes: 500,
    paceMs,
    client: (producer) =>
      kinesis(cluster, producer % 2 === 0 ? "http2" : "http1", { maxAttempts: 1 }),
  });
  workload.start();
  return workload;
}

async function runRound(proof: FaultProof, lot: FaultRun, round: number): Promise<void> {
  const { report, workload, cluster } = lot;
  const fired = await proof.fault({ ...lot, round: lot.round + round });
  const before = workload.acknowledged;
  const what = `${proof.name}, round ${lot.round + round}`;
  report.resumeMs.push(
    await until(`${what}: writes`, RESUME_MS_MAX, () => workload.acknowledged > before + 20),
  );
  await until(`${what}: all processes ready`, READY_MS_MAX, () => cluster.allReady());
  report.faults += fired ?? 1;
  report.rounds++;
  console.log(`${what}: acknowledged ${workload.acknowledged}`);
}

function count(report: FaultReport, workload: Workload, problems: readonly string[]): void {
  const of = (rule: string) => problems.filter((one) => one.startsWith(`${rule}:`)).length;
  report.acknowledged += workload.acknowledged;
  report.lost += of("S1");
  report.reordered += of("S3");
  report.duplicated += workload.duplicated;
  for (const problem of problems) note(report, problem);
}

function note(report: FaultReport, problem: string): void {
  if (report.problems.length < PROBLEMS_MAX) report.problems.push(problem);
  console.log(`${report.name}: ${problem}`);
}
