/** Shards as the API shows them, and which of them it shows. */
import type { MetadataView, Shard, StreamRecord } from "@millrace/model";
import { isUnopenedShard, SequenceNumbers, shardId } from "@millrace/model";

const HOUR_MS = 3_600_000;

/** The oldest arrival time that the stream still keeps, or its creation. */
export function trimHorizonMs(stream: StreamRecord, nowMs: number): number {
  return Math.max(stream.createdAtMs, nowMs - stream.retentionHours * HOUR_MS);
}

/**
 * The shards of a stream that callers may see, by shard index: none while the stream is CREATING,
 * none that is not open yet, and no closed one of which all records have expired.
 */
export function visibleShards(
  view: MetadataView,
  stream: StreamRecord,
  nowMs: number,
): readonly Shard[] {
  if (stream.status === "CREATING") return [];
  const horizonMs = nowMs - stream.retentionHours * HOUR_MS;
  return view
    .shards(stream.streamId)
    .filter(
      (shard) =>
        !isUnopenedShard(shard) &&
        (shard.closedAtMs === undefined || shard.closedAtMs >= horizonMs),
    );
}

/** Since when a shard took records: a child takes over at the moment when its parents closed. */
export function openedAtMs(view: MetadataView, shard: Shard): number {
  const parents = [shard.parentShardIndex, shard.adjacentParentShardIndex]
    .filter((index) => index !== undefined)
    .map((index) => view.shard(shard.streamId, index)?.closedAtMs ?? shard.createdAtSec * 1000);
  return parents.length === 0 ? 0 : Math.max(...parents);
}

/** `Shard` of the API. */
export function describeShard(shard: Shard): object {
  const numbers = new SequenceNumbers(shard.createdAtSec, shard.shardIndex);
  const { closedAtMs } = shard;
  return {
    ShardId: shardId(shard.shardIndex),
    ...parentIds(shard),
    HashKeyRange: hashKeyRange(shard),
    SequenceNumberRange: {
      StartingSequenceNumber: numbers.start(shard.createdAtSec),
      ...(closedAtMs === undefined ? {} : { EndingSequenceNumber: numbers.end(closedAtMs) }),
    },
  };
}

/** `ChildShard` of the API. */
export function describeChild(shard: Shard): object {
  const parents = [shard.parentShardIndex, shard.adjacentParentShardIndex];
  return {
    ShardId: shardId(shard.shardIndex),
    ParentShards: parents.filter((index) => index !== undefined).map(shardId),
    HashKeyRange: hashKeyRange(shard),
  };
}

/** The shards that took over from a closed one. */
export function childrenOf(view: MetadataView, parent: Shard): readonly Shard[] {
  return view
    .shards(parent.streamId)
    .filter(
      (shard) =>
        !isUnopenedShard(shard) &&
        (shard.parentShardIndex === parent.shardIndex ||
          shard.adjacentParentShardIndex === parent.shardIndex),
    );
}

function parentIds({ parentShardIndex, adjacentParentShardIndex }: Shard): object {
  return {
    ...(parentShardIndex === undefined ? {} : { ParentShardId: shardId(parentShardIndex) }),
    ...(adjacentParentShardIndex === undefined
      ? {}
      : { AdjacentParentShardId: shardId(adjacentParentShardIndex) }),
  };
}

function hashKeyRange({ startingHashKey, endingHashKey }: Shard): object {
  return { StartingHashKey: startingHashKey, EndingHashKey: endingHashKey };
}
