/**
 * Processes killed under load (reference D.4): no acknowledged record is lost (S1), none is invented
 * (S4), order per key holds (S3), writes resume within five seconds.
 *
 * MILLRACE_KILL_ROUNDS sets how many kills; scripts/faults runs the long version and keeps a report.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createStream, kinesis, readStream } from "./support/kinesis.ts";
import { LocalCluster, ROOT } from "@millrace/bench";
import { allReady, pause, until } from "./support/waiting.ts";
import { Workload } from "./support/workload.ts";

const ROUNDS = Number(process.env["MILLRACE_KILL_ROUNDS"] ?? 4);
const RESUME_MS_MAX = 5000;
const VICTIMS = ["node-1", "node-2", "node-3", "gateway"];

let cluster: LocalCluster;
beforeAll(async () => {
  // Small log files: kills also hit the change of files, the flush into segments and the checkpoint.
  cluster = await LocalCluster.start({ nodes: 3, set: { "wal-file-bytes": String(1024 * 1024) } });
});
afterAll(() => cluster.remove());

async function runWorkload(streamName: string, faults: (workload: Workload) => Promise<void>) {
  const admin = kinesis(cluster);
  await createStream(admin, streamName, 4);
  const workload = new Workload({
    streamName,
    producers: 6,
    recordsPerCall: 20,
    paddingBytes: 500,
    client: (producer) =>
      kinesis(cluster, producer % 2 === 0 ? "http2" : "http1", { maxAttempts: 1 }),
  });
  workload.start();
  await until("first acknowledgement", 10_000, () => workload.acknowledged > 500);
  await faults(workload);
  await pause(500);
  const report = await workload.stop();
  await until("all processes ready", 60_000, () => allReady(cluster));
  const problems = workload.check(await readStream(admin, streamName));
  admin.destroy();
  return { report, problems };
}

describe("processes killed under load", () => {
  it(`loses nothing in ${ROUNDS} kills of one process at a time`, async () => {
    const resumes: { round: number; victim: string; resumeMs: number }[] = [];
    const { report, problems } = await runWorkload("kills", async (workload) => {
      for (let round = 0; round < ROUNDS; round++) {
        const victim = VICTIMS[round % VICTIMS.length] ?? "node-1";
        const before = cluster.pid(victim);
        cluster.kill(victim);
        await pause(100); // answers that were on their way when the process died
        const acknowledged = workload.acknowledged;
        const resumeMs = await until(
          `writes after killing ${victim}`,
          RESUME_MS_MAX,
          () => workload.acknowledged > acknowledged,
        );
        resumes.push({ round: round + 1, victim, resumeMs: resumeMs + 100 });
        await until(`${victim} started again`, 10_000, () => cluster.pid(victim) !== before);
        await until("all processes ready", 60_000, () => allReady(cluster));
      }
    });
    const tree = execFileSync("git", ["rev-parse", "HEAD:packages"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const result = { tree: tree.trim(), rounds: ROUNDS, lost: problems.length, ...report, resumes };
    console.log(JSON.stringify(result));
    mkdirSync(join(ROOT, "test-results"), { recursive: true });
    writeFileSync(
      join(ROOT, "test-results", "kill-rounds.json"),
      JSON.stringify(result, undefined, 2),
    );
    expect(problems).toEqual([]);
    expect(resumes.filter((one) => one.resumeMs > RESUME_MS_MAX)).toEqual([]);
    expect(report.longestKeyPauseMs).toBeLessThanOrEqual(RESUME_MS_MAX);
    expect(report.acknowledged).toBeGreaterThan(1000);
  });

  it("loses nothing when all three nodes die at once", async () => {
    const { report, problems } = await runWorkload("blackout", async (workload) => {
      for (const victim of ["node-1", "node-2", "node-3"]) cluster.kill(victim);
      await pause(200);
      const acknowledged = workload.acknowledged;
      const resumeMs = await until(
        "writes after the blackout",
        30_000,
        () => workload.acknowledged > acknowledged,
      );
      console.log(`writes resumed ${resumeMs + 200} ms after all three nodes were killed`);
    });
    console.log(JSON.stringify({ lost: problems.length, ...report }));
    expect(problems).toEqual([]);
  });
});
