/**
 * Nodes that are stopped and continued (reference D.4): a leader that slept does not know that it was
 * deposed, and finds requests in its sockets that it might answer. It must acknowledge none of them
 * in its old term (S11).
 */
import { join } from "node:path";

import { SeededRandom } from "@millrace/base/testing";
import { clusterSecret } from "@millrace/client";
import type { Shard } from "@millrace/model";

import { createStream, kinesis } from "../../e2e/support/kinesis.ts";
import { pause, until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultRun } from "../support/chaos.ts";
import type { FaultCluster } from "../support/fault-cluster.ts";
import { addFigure } from "../support/report.ts";
import type { FaultReport } from "../support/report.ts";
import { seedOf } from "../support/seed.ts";
import { DirectAppends } from "../support/shard-puts.ts";

const LEADER_PAUSE_MS = 20_000;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 60_000;
const SEND_EVERY_MS = 500;
const ANSWERS_MS_MAX = 15_000;
const LEADS_MS_MAX = 90_000;
const WITNESS_STREAM = "witness";
const WITNESS_SHARDS = 6;

/** A leader's long pause and one of chance, in turn. */
export function pauses(rounds: number, leaderPauseMs = LEADER_PAUSE_MS): Promise<FaultReport> {
  const random = new SeededRandom(seedOf("pause"));
  return prove({
    name: "pause",
    rounds,
    paceMs: 5,
    prepare: async ({ cluster }) => {
      const admin = kinesis(cluster);
      await createStream(admin, WITNESS_STREAM, WITNESS_SHARDS);
      admin.destroy();
    },
    fault: async (run) => {
      if (run.round % 2 === 1) return pauseLeader(run, leaderPauseMs);
      const victim = NODES[random.uniform(NODES.length)] ?? "node-1";
      const pauseMs = Math.round(
        PAUSE_MS_MIN * (PAUSE_MS_MAX / PAUSE_MS_MIN) ** (random.uniform(1000) / 999),
      );
      console.log(`round ${run.round}: ${victim} sleeps for ${pauseMs} ms`);
      run.cluster.kill(victim, "SIGSTOP");
      await pause(pauseMs);
      run.cluster.kill(victim, "SIGCONT");
      return 1;
    },
  });
}

interface Led {
  readonly shard: Shard;
  readonly term: number;
}

/** Shards of the witness stream that the node leads, with its terms. */
async function ledBy(cluster: FaultCluster, name: string): Promise<readonly Led[]> {
  const status = await cluster.status(name);
  return (status?.groups ?? []).flatMap(({ groupId, role, term }) => {
    const shard = cluster.client.view.shardOfGroup(groupId);
    const isOurs = role === "leader" && shard?.streamName === WITNESS_STREAM;
    return isOurs && shard !== undefined ? [{ shard, term }] : [];
  });
}

async function pauseLeader(run: FaultRun, pauseMs: number): Promise<number> {
  const { cluster, report, round } = run;
  const victim = NODES[Math.floor(round / 2) % NODES.length] ?? "node-1";
  await until(`${victim} leads`, LEADS_MS_MAX, async () => {
    return (await ledBy(cluster, victim)).length > 0;
  });
  const led = await ledBy(cluster, victim);
  const { ports } = cluster.process(victim).plan;
  const secret = clusterSecret(join(cluster.dataDir, "cluster.secret"));
  const direct = new DirectAppends(`127.0.0.1:${ports.data}`, secret);
  try {
    for (const { shard } of led) direct.send(shard, "before");
    await until(`${victim} acknowledges`, ANSWERS_MS_MAX, () => {
      return direct.answers.filter(({ failure }) => failure === undefined).length === led.length;
    });
    cluster.kill(victim, "SIGSTOP");
    const sent = new Map<number, Led>();
    const endsAtMs = performance.now() + pauseMs;
    while (performance.now() < endsAtMs) {
      for (const one of led) sent.set(direct.send(one.shard, "while asleep"), one);
      await pause(SEND_EVERY_MS);
    }
    cluster.kill(victim, "SIGCONT");
    const answers = () => direct.answers.filter(({ requestId }) => sent.has(requestId));
    // What is not answered by then, or went down with its stream, was not acknowledged.
    const untilMs = performance.now() + ANSWERS_MS_MAX;
    while (answers().length < sent.size && performance.now() < untilMs) await pause(20);
    const stale = answers().filter((answer) => {
      return answer.failure === undefined && answer.term <= (sent.get(answer.requestId)?.term ?? 0);
    });
    addFigure(report, "sentToSleepingLeader", sent.size);
    addFigure(report, "answeredByWokenLeader", answers().length);
    addFigure(report, "acknowledgedInOldTerm", stale.length);
    console.log(
      `round ${round}: ${victim} slept for ${pauseMs} ms as leader of ${led.length} shards; of ` +
        `${sent.size} appends that it found ${stale.length} were acknowledged in its old term`,
    );
    if (stale.length > 0) report.problems.push(`S11: ${victim} acknowledged in its old term`);
  } finally {
    cluster.kill(victim, "SIGCONT");
    direct.close();
  }
  return 1;
}
