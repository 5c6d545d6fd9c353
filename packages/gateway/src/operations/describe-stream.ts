/**
 * DescribeStream: the stream with a page of its shards.
 *
 * Source: Kinesis API reference, DescribeStream; reference/kinesis-api 1.1 and 2.9.
 */
import type { StreamRecord } from "@millrace/model";
import { parseShardId, streamArn } from "@millrace/model";

import type { DescribeStreamInput } from "../gen/kinesis-tables.ts";
import { EpochMs } from "../protocol/values.ts";
import type { Answer, Call } from "./call.ts";
import { clusterOf, confirmedStream } from "./call.ts";
import { describeShard, visibleShards } from "./shards.ts";

/** The model allows 10,000; the service never gives more. */
const SHARDS_PER_PAGE_MAX = 100;

export async function describeStream(call: Call, input: DescribeStreamInput): Promise<Answer> {
  const stream = await confirmedStream(call, input);
  const limit = Math.min(input.Limit ?? SHARDS_PER_PAGE_MAX, SHARDS_PER_PAGE_MAX);
  const after = afterIndex(input.ExclusiveStartShardId);
  const shards = visibleShards(call.backend.view, stream, call.clock.nowMs()).filter(
    ({ shardIndex }) => shardIndex > after,
  );
  return {
    StreamDescription: {
      ...describeCommon(call, stream),
      Shards: shards.slice(0, limit).map(describeShard),
      HasMoreShards: shards.length > limit,
    },
  };
}

/** The members that both descriptions of a stream share. */
export function describeCommon(call: Call, stream: StreamRecord) {
  const { region } = clusterOf(call.backend.view);
  return {
    StreamName: stream.streamName,
    StreamARN: streamArn(region, stream.account, stream.streamName),
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: stream.streamMode },
    RetentionPeriodHours: stream.retentionHours,
    StreamCreationTimestamp: new EpochMs(stream.createdAtMs),
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: "NONE",
  };
}

/** The shard need not exist; a name that is no shard's stands before all of them. */
export function afterIndex(shardId: string | undefined): number {
  return shardId === undefined ? -1 : (parseShardId(shardId) ?? -1);
}
