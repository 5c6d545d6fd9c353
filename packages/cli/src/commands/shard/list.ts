import { StreamError } from "@millrace/base";
import type { Shard } from "@millrace/model";
import { shardId } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import type { OutputFormat } from "../../output.ts";
import { print } from "../../output.ts";
import { readStatus } from "../status.ts";

const BARRIER_DEADLINE_MS = 5000;

export interface ShardLine {
  readonly shardId: string;
  /** `creating`, `opening`, `open`, `sealing`, `closed` or `deleting`. */
  readonly state: string;
  readonly startingHashKey: string;
  readonly endingHashKey: string;
  readonly parents: readonly string[];
  /** Node that leads the shard now, or null while none is known to. */
  readonly leader: number | null;
  readonly nodes: readonly number[];
}

/** Prints a stream's shards, in order of their numbers. @throws StreamError `not-found`. */
export async function listShards(
  connection: Connection,
  streamName: string,
  format: OutputFormat,
): Promise<void> {
  const { client, account } = connection;
  await client.barrier(BARRIER_DEADLINE_MS);
  const stream = client.view.stream(account, streamName);
  if (stream === undefined) {
    throw new StreamError(
      "not-found",
      `stream ${streamName} does not exist; millrace stream list shows all`,
    );
  }
  const status = await readStatus(connection);
  const leaders = new Map(
    status.shards
      .filter((shard) => shard.streamName === streamName)
      .map((shard) => [shard.shardId, shard.leader]),
  );
  const shards = client.view
    .shards(stream.streamId)
    .map((shard) => shardLine(shard, leaders.get(shardId(shard.shardIndex)) ?? null));
  print(format, { streamName, status: stream.status, shards }, () => [
    {
      rows: shards.map(({ shardId: shard, parents, leader, nodes, ...rest }) => ({
        shard,
        ...rest,
        parents: parents.join(","),
        leader: leader ?? "none",
        nodes: nodes.join(","),
      })),
      empty: "no shards yet",
    },
  ]);
}

export function shardLine(shard: Shard, leader: number | null): ShardLine {
  const parents = [shard.parentShardIndex, shard.adjacentParentShardIndex];
  return {
    shardId: shardId(shard.shardIndex),
    state: shard.state === "open" && shard.seal !== undefined ? "sealing" : shard.state,
    startingHashKey: shard.startingHashKey,
    endingHashKey: shard.endingHashKey,
    parents: parents.filter((index) => index !== undefined).map(shardId),
    leader,
    nodes: shard.replicas.map(({ nodeId }) => nodeId),
  };
}
