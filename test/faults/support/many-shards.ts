/** Streams with very many shards, and how long they take to be there. */
import { pause, until } from "../../e2e/support/waiting.ts";
import type { Shard } from "@millrace/model";

import type { FaultCluster } from "./fault-cluster.ts";

const ACCOUNT = "000000000000";
/** Shards that one call makes. */
const SHARDS_PER_STREAM = 300;
const CREATE_MS_MAX = 60_000;
const LED_MS_MAX = 300_000;

/** Makes streams until the cluster has so many shards; resolves when each has a leader. */
export async function makeShards(cluster: FaultCluster, count: number): Promise<readonly Shard[]> {
  const { admin, view } = cluster.client;
  const names: string[] = [];
  for (let made = 0; made < count; made += SHARDS_PER_STREAM) {
    const streamName = `many-${names.length}`;
    const shardCount = Math.min(SHARDS_PER_STREAM, count - made);
    await admin.createStream({ account: ACCOUNT, streamName, shardCount }, CREATE_MS_MAX);
    names.push(streamName);
  }
  await until(`${count} shards have leaders`, LED_MS_MAX, async () => {
    await pause(500);
    const led = [...(await cluster.leads()).values()];
    return led.reduce((sum, one) => sum + one, 0) >= count;
  });
  return names.flatMap((streamName) => {
    const stream = view.stream(ACCOUNT, streamName);
    return stream === undefined ? [] : view.shards(stream.streamId);
  });
}
