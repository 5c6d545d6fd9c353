/**
 * Evening out under load, by real processes: a node that was emptied and is back gets its share, nothing
 * acknowledged is lost, and what was moved away is dropped after the grace and not before (S1, S13).
 */
import { join } from "node:path";

import { LocalCluster } from "@millrace/bench";
import { MillraceClient, nodePorts } from "@millrace/client";
import { afterEach, describe, expect, it } from "vitest";

import { createStream, kinesis, readStream } from "./support/kinesis.ts";
import { Workload } from "./support/workload.ts";

const SHARDS = 6;
const NODES = [1, 2, 3, 4, 5];
const SETTLE_MS_MAX = 60_000;

let cluster: LocalCluster;
let client: MillraceClient;

afterEach(async () => {
  await client.close();
  await cluster.remove();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await check())) {
    if (performance.now() - started > SETTLE_MS_MAX) throw new Error(`${what}: not in time`);
    await pause(50);
  }
}

/** Replicas of shards per node, by metadata. */
function held(first: boolean): readonly number[] {
  const placed = client.view
    .list("shard")
    .flatMap(({ replicas }) => (first ? replicas.slice(0, 1) : replicas));
  return NODES.map((nodeId) => placed.filter((replica) => replica.nodeId === nodeId).length);
}

/** Replicas of shards that lie on a node, be they placed there or not. */
async function onDisk(nodeId: number): Promise<number> {
  const address = client.view.node(nodeId)?.addresses.rpc ?? "";
  const { groups } = await client.admin.nodeStatus(address);
  return groups.filter(({ kind }) => kind === "shard").length;
}

describe("a node that was emptied and is taken back", () => {
  it("gets its share of replicas and leaders by one command, under load (S1, S13)", async () => {
    cluster = await LocalCluster.start({ nodes: NODES.length });
    const { accessKeyId, secretAccessKey } = cluster.credentials;
    client = new MillraceClient({
      ...nodePorts(),
      endpoints: cluster.endpoints,
      credentials: { accessKeyId, secret: secretAccessKey, region: "us-east-1" },
      scope: "routes",
    });
    await client.ready();
    const secret = ["--cluster-secret-file", join(cluster.dataDir, "cluster.secret")];
    const admin = kinesis(cluster);
    await createStream(admin, "evened", SHARDS);
    const workload = new Workload({
      streamName: "evened",
      producers: 2,
      recordsPerCall: 10,
      paddingBytes: 500,
      client: () => kinesis(cluster, "http1", { maxAttempts: 1 }),
    });
    workload.start();

    const before = held(false)[1] ?? 0;
    await cluster.command("node", "decommission", "2", ...secret);
    expect(held(false)[1]).toBe(0);
    expect(await onDisk(2)).toBe(before); // an hour by default: the data is there still
    await cluster.command("cluster", "settings", "--drop-grace", "0s", ...secret);
    await until("data that was moved away is dropped", async () => (await onDisk(2)) === 0);

    await cluster.command("node", "undrain", "2", ...secret);
    const plan = JSON.parse(
      await cluster.command("node", "rebalance", "--dry-run", "-o", "json", ...secret),
    ) as { readonly moves: readonly { readonly to: number }[] };
    expect(plan.moves.map(({ to }) => to)).toEqual(plan.moves.map(() => 2));
    expect(plan.moves.length).toBeGreaterThan(1);
    expect(held(false)[1]).toBe(0); // a plan changes nothing
    await cluster.command("node", "rebalance", ...secret);
    await until(
      "the end in metadata",
      () => client.view.cluster()?.rebalancingSinceMs === undefined,
    );
    const spread = held(false);
    expect(Math.max(...spread) - Math.min(...spread)).toBeLessThanOrEqual(1);
    expect(Math.max(...held(true)) - Math.min(...held(true))).toBeLessThanOrEqual(2);

    const lines = JSON.parse(await cluster.command("node", "list", "-o", "json")) as {
      readonly unknown: number;
    }[];
    expect(lines.filter(({ unknown }) => unknown !== 0)).toEqual([]);
    const report = await workload.stop();
    console.log(JSON.stringify({ spread, leaders: held(true), ...report }));
    const problems = workload.check(await readStream(admin, "evened"));
    admin.destroy();
    expect(problems).toEqual([]);
  }, 240_000);
});
