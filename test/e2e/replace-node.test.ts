/**
 * A node whose data directory is deleted while it serves (S8, L5): it comes back as another incarnation,
 * votes for nothing that it held before, and the cluster makes its replicas again, without a command.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";

import { LocalCluster } from "@millrace/bench";
import { MillraceClient, nodePorts } from "@millrace/client";
import type { GroupPlacement } from "@millrace/model";
import { afterEach, describe, expect, it } from "vitest";

import { createStream, kinesis, readStream } from "./support/kinesis.ts";
import { Workload } from "./support/workload.ts";

const SHARDS = 4;
const HEAL_MS_MAX = 60_000;
/** Groups other than the cluster's own: that one is 1. */
const isShard = ({ groupId }: GroupPlacement): boolean => groupId > 1;

let cluster: LocalCluster;
let client: MillraceClient;

async function start(nodes: number): Promise<void> {
  cluster = await LocalCluster.start({ nodes, set: { "wal-file-bytes": String(1024 * 1024) } });
  const { accessKeyId, secretAccessKey } = cluster.credentials;
  client = new MillraceClient({
    ...nodePorts(),
    endpoints: cluster.endpoints,
    credentials: { accessKeyId, secret: secretAccessKey, region: "us-east-1" },
    scope: "routes",
  });
  await client.ready();
}

afterEach(async () => {
  await client.close();
  await cluster.remove();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Where metadata has the replicas of all groups, as their leaders reported them. */
function placements(): readonly GroupPlacement[] {
  const metadata = client.view.cluster()?.metadataGroup;
  return [...(metadata === undefined ? [] : [metadata]), ...client.view.list("shard")];
}

/** Three replicas of each group on the disks that are there now, and nothing under way. */
function isWhole(): boolean {
  const all = placements();
  return (
    all.filter(isShard).length === SHARDS &&
    all.length === SHARDS + 1 &&
    all.every(
      ({ replicas, move }) =>
        move === undefined &&
        replicas.length >= 3 &&
        replicas.every(
          ({ nodeId, incarnation, state }) =>
            state === "created" && client.view.node(nodeId)?.incarnation === incarnation,
        ),
    )
  );
}

async function until(what: string, deadlineMs: number, check: () => boolean): Promise<number> {
  const started = performance.now();
  while (!check()) {
    if (performance.now() - started > deadlineMs) {
      throw new Error(`${what}: not within ${deadlineMs} ms: ${JSON.stringify(placements())}`);
    }
    await pause(20);
  }
  return Math.round(performance.now() - started);
}

describe("a node whose data directory was deleted", () => {
  it("gets replicas of its own again under load, nothing acknowledged is lost (S1, S8, L5)", async () => {
    await start(3);
    const admin = kinesis(cluster);
    await createStream(admin, "replaced", SHARDS);
    await until("three replicas at first", HEAL_MS_MAX, isWhole);
    const workload = new Workload({
      streamName: "replaced",
      producers: 4,
      recordsPerCall: 20,
      paddingBytes: 500,
      client: () => kinesis(cluster, "http1", { maxAttempts: 1 }),
    });
    workload.start();
    await until("first acknowledgements", 10_000, () => workload.acknowledged > 500);
    const before = new Set(placements().flatMap((one) => one.replicas.map((r) => r.replicaId)));
    const incarnation = client.view.node(2)?.incarnation;

    cluster.kill("node-2");
    rmSync(join(cluster.dataDir, "node-2"), { recursive: true });
    await until("node 2 with an empty disk", HEAL_MS_MAX, () => {
      return client.view.node(2)?.incarnation !== incarnation;
    });
    const healMs = await until("three replicas again", HEAL_MS_MAX, isWhole);

    const replaced = placements().flatMap((one) =>
      one.replicas.filter(({ replicaId }) => !before.has(replicaId)),
    );
    expect(replaced.map(({ nodeId }) => nodeId)).toEqual(Array(SHARDS + 1).fill(2));
    // The new replicas count: with them and one of the old ones everything goes on.
    cluster.kill("node-1");
    const acknowledged = workload.acknowledged;
    await until("writes with a replaced replica", 10_000, () => {
      return workload.acknowledged > acknowledged + 500;
    });
    const report = await workload.stop();
    console.log(JSON.stringify({ healMs, ...report }));
    const problems = workload.check(await readStream(admin, "replaced"));
    admin.destroy();
    expect(problems).toEqual([]);
  }, 180_000);
});

describe("a node that is decommissioned", () => {
  it("gives its leaderships and replicas away under load, and can be switched off", async () => {
    await start(5);
    const admin = kinesis(cluster);
    await createStream(admin, "emptied", SHARDS);
    await until("three replicas at first", HEAL_MS_MAX, isWhole);
    const workload = new Workload({
      streamName: "emptied",
      producers: 4,
      recordsPerCall: 20,
      paddingBytes: 500,
      client: () => kinesis(cluster, "http1", { maxAttempts: 1 }),
    });
    workload.start();
    await until("first acknowledgements", 10_000, () => workload.acknowledged > 500);
    const secret = ["--cluster-secret-file", join(cluster.dataDir, "cluster.secret")];
    const printed = await cluster.command("node", "decommission", "2", "-o", "json", ...secret);
    expect(JSON.parse(printed)).toMatchObject({ id: 2, goal: "removed", replicas: 0 });
    await until("three replicas elsewhere", HEAL_MS_MAX, isWhole);
    const holders = new Set(placements().flatMap((one) => one.replicas.map((r) => r.nodeId)));
    expect(holders.has(2)).toBe(false);

    cluster.kill("node-2");
    const acknowledged = workload.acknowledged;
    await until("writes without it", 10_000, () => workload.acknowledged > acknowledged + 500);
    const report = await workload.stop();
    console.log(JSON.stringify(report));
    const problems = workload.check(await readStream(admin, "emptied"));
    admin.destroy();
    expect(problems).toEqual([]);
  }, 180_000);
});
