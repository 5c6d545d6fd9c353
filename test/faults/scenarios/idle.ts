/**
 * What thousands of shards cost that nobody uses: a Kinesis user has many, and most of them are quiet.
 * A group that sleeps sends nothing and syncs nothing; what is left is per node, not per group.
 */
import { readFileSync } from "node:fs";

import { pause, until } from "../../e2e/support/waiting.ts";
import { FaultCluster } from "../support/fault-cluster.ts";
import { makeShards } from "../support/many-shards.ts";
import { loadReport, logFolderOf, saveReport } from "../support/report.ts";
import type { FaultReport } from "../support/report.ts";

const SHARDS = 3000;
const MEASURE_MS = 60_000;
const ASLEEP_MS_MAX = 300_000;
/** Clock ticks per second of /proc/<pid>/stat on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const WAL_FILE_BYTES = 64 * 1024 * 1024;

/** The most of each figure that a node may show. */
const AIMS = {
  cpuPercent: 5,
  rssMiB: 600,
  framesPerSecondPerLink: 20,
  syncsBesidesClock: 0,
} as const;
/**
 * The group of metadata commits the clock that trims go by once a minute, for all streams together: an
 * entry, and that it is committed. No other sync is for nothing.
 */
const CLOCK_MS = 60_000;
const SYNCS_PER_CLOCK = 2;
type Figure = keyof typeof AIMS;

interface Reading {
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly frames: number;
  readonly syncs: number;
}

/** `rounds` measurements of one cluster, each as long as `measureMs`. */
export async function idle(
  rounds: number,
  shardCount = SHARDS,
  measureMs = MEASURE_MS,
): Promise<FaultReport> {
  const report = loadReport("idle");
  if (report.rounds >= rounds) return report;
  const cluster = await FaultCluster.start({
    set: { "wal-file-bytes": String(WAL_FILE_BYTES), "log-level": "warn" },
  });
  try {
    await makeShards(cluster, shardCount);
    await until("every group is asleep", ASLEEP_MS_MAX, () => areAsleep(cluster, shardCount));
    while (report.rounds < rounds) {
      await measure(cluster, report, measureMs);
      report.rounds++;
      saveReport(report);
    }
  } catch (error) {
    report.problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    if (report.problems.length > 0) cluster.keepLogs(logFolderOf(report));
    await cluster.remove();
  }
  return report;
}

async function areAsleep(cluster: FaultCluster, shardCount: number): Promise<boolean> {
  await pause(1000);
  const statuses = await Promise.all(cluster.nodes.map((name) => cluster.status(name)));
  return statuses.every((status) => {
    const shards = (status?.groups ?? []).filter(({ kind }) => kind === "shard");
    return shards.length >= shardCount && shards.every(({ asleep }) => asleep);
  });
}

async function measure(
  cluster: FaultCluster,
  report: FaultReport,
  measureMs: number,
): Promise<void> {
  const before = await Promise.all(cluster.nodes.map((name) => read(cluster, name)));
  const startedMs = performance.now();
  await pause(measureMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const links = cluster.nodes.length - 1;
  for (const [at, name] of cluster.nodes.entries()) {
    const start = before[at];
    if (start === undefined) continue;
    const end = await read(cluster, name);
    const syncs = end.syncs - start.syncs;
    const ticks = Math.floor((seconds * 1000) / CLOCK_MS) + 1;
    report.figures[`${name}.syncsPerSecond`] = syncs / seconds;
    const figures: Record<Figure, number> = {
      cpuPercent: (end.cpuMs - start.cpuMs) / seconds / 10,
      rssMiB: end.rssMiB,
      framesPerSecondPerLink: (end.frames - start.frames) / seconds / links,
      syncsBesidesClock: Math.max(0, syncs - ticks * SYNCS_PER_CLOCK),
    };
    for (const [figure, value] of Object.entries(figures) as [Figure, number][]) {
      report.figures[`${name}.${figure}`] = value;
      if (value <= AIMS[figure]) continue;
      report.problems.push(`${name}: ${figure} is ${value.toFixed(2)}, the aim ${AIMS[figure]}`);
    }
  }
}

async function read(cluster: FaultCluster, name: string): Promise<Reading> {
  const pid = cluster.pid(name);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const metrics = await cluster.metrics(name);
  const metric = (metricName: string) => {
    const value = metrics.get(metricName);
    if (value === undefined) throw new Error(`${name} has no metric ${metricName}`);
    return value;
  };
  return {
    cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
    rssMiB: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024,
    frames: metric("millrace_lane_frames_sent_total"),
    syncs: metric("millrace_wal_synced_writes_total"),
  };
}
