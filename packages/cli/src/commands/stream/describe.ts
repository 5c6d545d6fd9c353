import { StreamError } from "@millrace/base";
import { shardId, streamArn } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import type { OutputFormat } from "../../output.ts";
import { print } from "../../output.ts";

const BARRIER_DEADLINE_MS = 5000;

/** Prints one stream and its shards. @throws StreamError `not-found`. */
export async function describeStream(
  { client, account, target }: Connection,
  streamName: string,
  format: OutputFormat,
): Promise<void> {
  await client.barrier(BARRIER_DEADLINE_MS);
  const stream = client.view.stream(account, streamName);
  if (stream === undefined) {
    throw new StreamError(
      "not-found",
      `stream ${streamName} does not exist; millrace stream list shows all`,
    );
  }
  const shards = client.view.shards(stream.streamId).map((shard) => ({
    shardId: shardId(shard.shardIndex),
    state: shard.state,
    startingHashKey: shard.startingHashKey,
    endingHashKey: shard.endingHashKey,
    nodes: shard.replicas.map((replica) => replica.nodeId),
  }));
  const facts = {
    streamName,
    streamArn: streamArn(target.region, account, streamName),
    status: stream.status,
    mode: stream.streamMode,
    retentionHours: stream.retentionHours,
    createdAt: new Date(stream.createdAtMs).toISOString(),
  };
  const tagText = Object.entries(stream.tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
  const description = { ...facts, tags: stream.tags, shards };
  print(format, description, () => [
    {
      rows: Object.entries({ ...facts, tags: tagText }).map(([name, value]) => ({ name, value })),
      empty: "",
    },
    {
      title: "Shards",
      rows: shards.map((shard) => ({ ...shard, nodes: shard.nodes.join(",") })),
      empty: "no shards yet",
    },
  ]);
}
