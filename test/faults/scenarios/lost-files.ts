/**
 * Files that are gone or unreadable on a minority, and files that can be missed everywhere.
 *
 * Reference D.1: one corrupt snapshot of metadata made another system delete streams on all nodes,
 * because absence was taken for an order. Here nothing may be deleted but on a committed tombstone
 * (S13), and a node that lost everything comes back as a new one (S8, L5) without a command.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { SeededRandom } from "@millrace/base/testing";

import { kinesis, readStream } from "../../e2e/support/kinesis.ts";
import { pause, until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultRun } from "../support/chaos.ts";
import type { FaultCluster } from "../support/fault-cluster.ts";
import { compareReplicas, untilHealed } from "../support/replicas.ts";
import { addFigure } from "../support/report.ts";
import type { FaultReport } from "../support/report.ts";
import { seedOf } from "../support/seed.ts";

const HEAL_MS_MAX = 120_000;
/** Streams that exist beside the one under load, so that the state of metadata has a file of its own. */
const STREAMS = 12;
const ACCOUNT = "000000000000";

const beside = (stream: number) => `beside-${stream}`;

const nodeOf = (round: number) => NODES[round % NODES.length] ?? "node-1";

async function requireHealed({ cluster, workload, report }: FaultRun): Promise<void> {
  await workload.hold();
  const healMs = await untilHealed(cluster, HEAL_MS_MAX);
  report.figures["healMsMax"] = Math.max(report.figures["healMsMax"] ?? 0, healMs);
  report.problems.push(...(await compareReplicas(cluster)));
  workload.release();
}

/** The data directory of a node is deleted: under it while it runs, or while it is down, in turn. */
export function wiped(rounds: number): Promise<FaultReport> {
  return prove({
    name: "wiped",
    rounds,
    paceMs: 20,
    roundsPerLot: 4,
    fault: async (run) => {
      const { cluster, round, report } = run;
      const victim = nodeOf(round);
      const { nodeId } = cluster.process(victim).plan;
      const before = cluster.client.view.node(nodeId)?.incarnation;
      const isDown = round % 2 === 0;
      if (isDown) await cluster.stopNode(victim);
      rmSync(cluster.nodeDirectory(victim), { recursive: true, force: true });
      addFigure(report, isDown ? "whileDown" : "whileRunning", 1);
      if (isDown) cluster.startNode(victim);
      else await untilNoticed(run, victim);
      await until(`${victim} with an empty disk`, HEAL_MS_MAX, () => {
        return cluster.client.view.node(nodeId)?.incarnation !== before;
      });
      await requireHealed(run);
    },
  });
}

/** A process whose files were deleted under it has them open still; sooner or later it needs a new one. */
async function untilNoticed({ cluster, report }: FaultRun, victim: string): Promise<void> {
  const before = cluster.process(victim).starts;
  const endsAtMs = performance.now() + 20_000;
  while (cluster.process(victim).starts === before) {
    if (performance.now() > endsAtMs) {
      addFigure(report, "restartedByUs", 1); // as whoever deleted the directory would
      cluster.kill(victim);
      return;
    }
    await pause(100);
  }
  addFigure(report, "noticedByItself", 1);
}

/** Every state file of one node is damaged: metadata's state among them, and those of shards. */
export function metadata(rounds: number): Promise<FaultReport> {
  const random = new SeededRandom(seedOf("metadata"));
  return prove({
    name: "metadata",
    rounds,
    paceMs: 20,
    roundsPerLot: 4,
    prepare: async ({ cluster }) => {
      const { admin, view } = cluster.client;
      await Promise.all(
        Array.from({ length: STREAMS }, (_, stream) => {
          return admin.createStream({
            account: ACCOUNT,
            streamName: beside(stream),
            shardCount: 2,
          });
        }),
      );
      await until("the streams beside are there", 30_000, () => {
        return view.list("stream").filter(({ status }) => status === "ACTIVE").length > STREAMS;
      });
      await until("state files on every node", 120_000, () => {
        return cluster.nodes.every((name) => stateFiles(cluster, name).length > 0);
      });
    },
    fault: async (run) => {
      const { cluster, round, report } = run;
      const victim = nodeOf(round);
      const before = metadataOf(cluster);
      await cluster.stopNode(victim);
      const files = stateFiles(cluster, victim);
      for (const path of files) spoil(path, random);
      addFigure(report, "stateFilesSpoiled", files.length);
      cluster.startNode(victim);
      await until(`${victim} is up`, HEAL_MS_MAX, () => cluster.isReady(victim));
      await requireHealed(run);
      const missing = [...before].filter((key) => !metadataOf(cluster).has(key));
      if (missing.length > 0) report.problems.push(`S13: metadata lost ${missing.join(", ")}`);
    },
    finish: async ({ cluster, report }) => {
      const admin = kinesis(cluster);
      for (let stream = 0; stream < STREAMS; stream++) {
        await readStream(admin, beside(stream)).catch((error: unknown) => {
          report.problems.push(`S13: stream ${beside(stream)}: ${String(error)}`);
        });
      }
      admin.destroy();
    },
  });
}

function metadataOf(cluster: FaultCluster): ReadonlySet<string> {
  const { view } = cluster.client;
  const streams = view.list("stream").map(({ streamName }) => `stream ${streamName}`);
  const shards = view.list("shard").map(({ streamName, shardIndex }) => {
    return `shard ${shardIndex} of ${streamName}`;
  });
  return new Set([...streams, ...shards]);
}

function stateFiles(cluster: FaultCluster, name: string): readonly string[] {
  const folder = join(cluster.nodeDirectory(name), "lane", "states");
  return existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
}

/** One byte in 64, and one of the header. */
function spoil(path: string, random: SeededRandom): void {
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += 64) {
    const byte = Math.min(bytes.length - 1, at + random.uniform(64));
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 + random.uniform(255));
  }
  writeFileSync(path, bytes);
}

/** What a data directory may hold, by path inside it; `isKept` is what no rebuild could bring back. */
const KINDS: readonly { readonly kind: string; readonly path: RegExp; readonly isKept: boolean }[] =
  [
    { kind: "identity", path: /^lane\/identity(\.copy)?$/, isKept: true },
    { kind: "log", path: /^lane\/wal\/\d+\.wal$/, isKept: true },
    { kind: "segment", path: /^lane\/segments\/\d+\.seg$/, isKept: true },
    { kind: "state", path: /^lane\/states\/\d+\.state$/, isKept: true },
    { kind: "log file to come", path: /^lane\/wal\/(spare|new)-\d+/, isKept: false },
    { kind: "identity being replaced", path: /^lane\/identity(\.copy)?\.new$/, isKept: false },
    { kind: "log being received", path: /^lane\/incoming\//, isKept: false },
    { kind: "given up", path: /^lane\/trash\//, isKept: false },
    { kind: "addresses", path: /^peers\.json(\.new)?$/, isKept: false },
    { kind: "lock", path: /^lock/, isKept: false },
  ];

/**
 * Everything that is not identity, log, segment or state is deleted on all nodes at once, while they
 * are down. There is no `level` directory to be wiped: nothing is kept twice.
 */
export function derived(rounds: number): Promise<FaultReport> {
  return prove({
    name: "derived",
    rounds,
    roundsPerLot: 4,
    fault: async (run) => {
      const { cluster, report } = run;
      await pause(2000); // so that files have been rolled and given up
      await Promise.all(NODES.map((name) => cluster.stopNode(name)));
      let deleted = 0;
      for (const name of NODES) {
        for (const path of filesIn(cluster.nodeDirectory(name))) {
          const found = KINDS.find((one) => one.path.test(path));
          if (found === undefined) throw new Error(`${name}/${path} is of no known kind`);
          addFigure(report, found.kind, 1);
          if (found.isKept) continue;
          rmSync(join(cluster.nodeDirectory(name), path));
          deleted++;
        }
      }
      for (const name of NODES) cluster.startNode(name);
      await until("all nodes are up", HEAL_MS_MAX, () => cluster.allReady());
      await requireHealed(run);
      return deleted;
    },
  });
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => relative(directory, path));
}
