/**
 * Rounds of one fault against a real cluster under load, with a report that a long proof is kept in.
 *
 * Rounds run in lots, each with a stream of its own that is read back whole and checked. The report
 * carries the tree hash of the packages under test: started again on the same tree, a proof goes on
 * where it was cut off; on another tree it starts anew.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { LocalCluster, ROOT } from "@millrace/bench";

import { createStream, kinesis, readStream } from "../../e2e/support/kinesis.ts";
import { allReady, until } from "../../e2e/support/waiting.ts";
import { Workload } from "../../e2e/support/workload.ts";

export const NODES = ["node-1", "node-2", "node-3"] as const;

const ROUNDS_PER_LOT = 10;
const RESUME_MS_MAX = 30_000;

export interface FaultReport {
  readonly name: string;
  readonly tree: string;
  rounds: number;
  acknowledged: number;
  /** Acknowledged and not there at the end (S1), invented (S4), or out of order (S3). */
  problems: string[];
  resumeMs: number[];
}

export interface FaultRun {
  readonly cluster: LocalCluster;
  readonly workload: Workload;
  readonly streamName: string;
  readonly round: number;
}

export interface FaultProof {
  readonly name: string;
  /** Rounds in CI; `MILLRACE_FAULT_ROUNDS` says another number. */
  readonly rounds: number;
  readonly set?: Readonly<Record<string, string>>;
  /** One fault. Writes must resume after it. */
  readonly fault: (run: FaultRun) => Promise<void>;
}

/** Runs the rounds that the report still lacks. */
export async function prove(proof: FaultProof): Promise<FaultReport> {
  const rounds = Number(process.env["MILLRACE_FAULT_ROUNDS"] ?? proof.rounds);
  const report = loadReport(proof.name);
  if (report.rounds > 0) console.log(`${proof.name}: goes on after round ${report.rounds}`);
  if (report.rounds >= rounds) return report;
  const cluster = await LocalCluster.start({
    nodes: 3,
    set: { "wal-file-bytes": String(1024 * 1024), ...proof.set },
  });
  try {
    while (report.rounds < rounds) {
      const lot = Math.min(ROUNDS_PER_LOT, rounds - report.rounds);
      await runLot(proof, cluster, report, lot);
      saveReport(report);
      console.log(
        `${proof.name}: rounds ${report.rounds}/${rounds}, acknowledged ${report.acknowledged}, ` +
          `lost, invented or out of order ${report.problems.length}`,
      );
      if (report.problems.length > 0) break;
    }
  } finally {
    await cluster.remove();
  }
  return report;
}

async function runLot(
  proof: FaultProof,
  cluster: LocalCluster,
  report: FaultReport,
  rounds: number,
): Promise<void> {
  const streamName = `${proof.name}-${report.rounds}`;
  const admin = kinesis(cluster);
  await createStream(admin, streamName, 4);
  const workload = new Workload({
    streamName,
    producers: 4,
    recordsPerCall: 10,
    paddingBytes: 500,
    client: (producer) =>
      kinesis(cluster, producer % 2 === 0 ? "http2" : "http1", { maxAttempts: 1 }),
  });
  workload.start();
  await until("first acknowledgement", 10_000, () => workload.acknowledged > 100);
  for (let round = 1; round <= rounds; round++) {
    await proof.fault({ cluster, workload, streamName, round: report.rounds + round });
    const before = workload.acknowledged;
    const resumeMs = await until(
      `${proof.name}, round ${report.rounds + round}: writes`,
      RESUME_MS_MAX,
      () => workload.acknowledged > before + 20,
    );
    report.resumeMs.push(resumeMs);
    await until("all processes ready", 60_000, () => allReady(cluster));
  }
  const { acknowledged } = await workload.stop();
  report.problems.push(...workload.check(await readStream(admin, streamName)));
  report.acknowledged += acknowledged;
  report.rounds += rounds;
  admin.destroy();
}

function reportPath(name: string): string {
  return join(ROOT, "test-results", "faults", `${name}.json`);
}

/** Of the sources that run, committed or not. */
export function treeOfPackages(): string {
  const git = (...words: string[]) =>
    execFileSync("git", words, { cwd: ROOT, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "packages");
  return changed === "" ? git("rev-parse", "HEAD:packages") : "uncommitted";
}

function loadReport(name: string): FaultReport {
  const fresh = { name, rounds: 0, acknowledged: 0, problems: [], resumeMs: [] };
  const tree = treeOfPackages();
  const path = reportPath(name);
  if (tree === "uncommitted" || !existsSync(path)) return { ...fresh, tree };
  const saved = JSON.parse(readFileSync(path, "utf8")) as FaultReport;
  return saved.tree === tree && saved.problems.length === 0 ? saved : { ...fresh, tree };
}

function saveReport(report: FaultReport): void {
  const path = reportPath(report.name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, JSON.stringify(report, undefined, 2));
}

/** The slowest resumption that 99 of 100 rounds keep under. */
export function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
}
