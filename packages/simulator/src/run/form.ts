/** A cluster of the members of a run, and its first stream. */
import { addressesOf, ACCOUNT } from "../node/addresses.ts";
import type { World } from "../world.ts";
import { eventually, STREAM } from "./clients.ts";

/** Voters of the metadata group. */
const VOTERS_MAX = 5;

export async function form({ admin, options, nodes }: World): Promise<void> {
  const { client, clock } = admin.process;
  await eventually(clock, async () => {
    if (nodes.some(({ running }) => running === undefined)) throw new Error("not all run");
  });
  const voters = nodes.slice(0, VOTERS_MAX).map(({ nodeId, running }, at) => ({
    nodeId,
    replicaId: at + 1,
    incarnation: running?.storage.identity.incarnation ?? "",
    addresses: { ...addressesOf(nodeId), aws: "" },
  }));
  const request = {
    clusterId: "0123456789abcdef0123456789abcdef",
    voters,
    account: ACCOUNT,
    region: "us-east-1",
    accessKeyId: "MRSIMULATEDSIMULATED",
    sealedSecret: Buffer.alloc(48),
    limits: "unlimited",
    sealedTokenKey: Buffer.alloc(48),
    createdAtMs: clock.nowMs(),
  };
  for (const { nodeId } of voters) {
    await client.admin.formCluster(addressesOf(nodeId).rpc, request);
  }
  await client.ready(30_000);
  const stream = { account: ACCOUNT, streamName: STREAM };
  const size = { shardCount: options.shards, maxRecordSizeKib: 10_240, replicationFactor: 3 };
  const created = { ...stream, ...size };
  await eventually(clock, async () => {
    // Placement spreads over the nodes that have registered.
    if (client.view.list("node").length < nodes.length) throw new Error("nodes are missing");
    const made = client.view.stream(ACCOUNT, STREAM);
    if (made === undefined) await client.admin.createStream(created);
    if (client.view.stream(ACCOUNT, STREAM)?.status !== "ACTIVE") throw new Error("not active");
  });
}
