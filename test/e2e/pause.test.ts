/**
 * Processes stopped and continued under load (reference D.4): a leader that slept does not know that
 * it was deposed. It must acknowledge nothing that the next leader lacks (S1, S11) and show no
 * consumer an older end of the log than it has seen (S5).
 *
 * MILLRACE_PAUSE_ROUNDS sets how many times the list of pauses is gone through, MILLRACE_SEED which
 * processes are hit.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SeededRandom } from "@millrace/base/testing";
import { LocalCluster } from "@millrace/bench";

import { createStream, kinesis, readStream } from "./support/kinesis.ts";
import { TailConsumer } from "./support/tail-consumer.ts";
import { allReady, pause, until } from "./support/waiting.ts";
import { Workload } from "./support/workload.ts";

const ROUNDS = Number(process.env["MILLRACE_PAUSE_ROUNDS"] ?? 1);
const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_125);
/** Below and above the time after which the others choose new leaders; milliseconds. */
const PAUSES_MS = [200, 700, 1500, 2500, 8000];
const STORM_STEPS = 25;
const RESUME_MS_MAX = 15_000;
const NODES = ["node-1", "node-2", "node-3"] as const;

const random = new SeededRandom(SEED);
const anyNode = () => NODES[random.uniform(NODES.length)] ?? "node-1";
let cluster: LocalCluster;
beforeAll(async () => {
  console.log(`MILLRACE_SEED=${SEED}`);
  cluster = await LocalCluster.start({ nodes: 3, set: { "wal-file-bytes": String(1024 * 1024) } });
});
afterAll(async () => {
  for (const name of [...NODES, "gateway"]) signal(name, "SIGCONT");
  await cluster.remove();
});

/** A process that is being started again has no pid to be hit. */
function signal(name: string, which: NodeJS.Signals): void {
  try {
    cluster.kill(name, which);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

const resumes = (workload: Workload, after: string) => {
  const acknowledged = workload.acknowledged;
  return until(
    `writes after ${after}`,
    RESUME_MS_MAX,
    () => workload.acknowledged > acknowledged + 100,
  );
};

async function run(streamName: string, faults: (workload: Workload) => Promise<void>) {
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
  const tailClient = kinesis(cluster, "http1", { maxAttempts: 1 });
  const consumer = new TailConsumer(tailClient, streamName);
  await consumer.start();
  workload.start();
  await until("first acknowledgement", 10_000, () => workload.acknowledged > 500);
  await faults(workload);
  await resumes(workload, "the faults");
  const written = await workload.stop();
  await until("all processes ready", 60_000, () => allReady(cluster));
  await pause(500); // for the consumer, which is checked for what it saw, not for how much
  const read = await consumer.stop();
  const records = await readStream(admin, streamName);
  const problems = [...workload.check(records), ...consumer.check(records)];
  admin.destroy();
  tailClient.destroy();
  console.log(
    JSON.stringify({ streamName, seed: SEED, ...written, ...read, lost: problems.length }),
  );
  return { written, read, problems };
}

describe("processes stopped and continued under load", () => {
  it("loses nothing and goes back nowhere when one node sleeps for a while", async () => {
    const { written, read, problems } = await run("pauses", async (workload) => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const pauseMs of PAUSES_MS) {
          const victim = anyNode();
          signal(victim, "SIGSTOP");
          await pause(pauseMs);
          signal(victim, "SIGCONT");
          const resumedMs = await resumes(workload, `${victim} slept ${pauseMs} ms`);
          console.log(`${victim} slept ${pauseMs} ms, 100 records more after ${resumedMs} ms`);
        }
      }
    });
    expect(problems).toEqual([]);
    expect(written.acknowledged).toBeGreaterThan(1000);
    expect(read.seen).toBeGreaterThan(1000);
  });

  it("acknowledges nothing while two of three sleep, and goes on when they wake", async () => {
    const { problems } = await run("two-asleep", async (workload) => {
      for (const awake of NODES) {
        const asleep = NODES.filter((name) => name !== awake);
        for (const name of asleep) signal(name, "SIGSTOP");
        await pause(500); // answers that were on their way
        const acknowledged = workload.acknowledged;
        await pause(2500);
        expect(workload.acknowledged, `with ${awake} alone`).toBe(acknowledged);
        for (const name of asleep) signal(name, "SIGCONT");
        await resumes(workload, `${asleep.join(" and ")} slept`);
      }
    });
    expect(problems).toEqual([]);
  });

  it("loses nothing in a storm of stops, continues and kills, also during a restart", async () => {
    const { problems } = await run("storm", async () => {
      for (let step = 0; step < STORM_STEPS * ROUNDS; step++) {
        const victim = anyNode();
        signal(victim, "SIGSTOP");
        await pause(random.uniform(400));
        if (random.uniform(8) === 0) signal(victim, "SIGKILL");
        else if (random.uniform(4) > 0) signal(victim, "SIGCONT");
        await pause(random.uniform(300));
        if (step % 5 === 4) for (const name of NODES) signal(name, "SIGCONT");
      }
      for (const name of NODES) signal(name, "SIGCONT");
    });
    expect(problems).toEqual([]);
  });
});
