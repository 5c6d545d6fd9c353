/**
 * CreateStream: makes a stream that becomes ACTIVE when each shard has a leader and its replicas.
 *
 * Source: Kinesis API reference, CreateStream; reference/kinesis-api 2.9.
 */
import { asStreamError } from "@millrace/base";
import { RECORD_SIZE_KIB_MIN, SHARDS_PER_STREAM_MAX } from "@millrace/model";

import type { CreateStreamInput } from "../gen/kinesis-tables.ts";
import { asAwsError, AwsError, inUse, limitExceeded, validation } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import { awaitBarrier, clusterOf, findStream, remainingMs } from "./call.ts";
import { checkTags } from "./tags.ts";

/** What AWS gives a stream that names no number of shards. */
const ON_DEMAND_SHARDS = 4;

export async function createStream(call: Call, input: CreateStreamInput): Promise<Answer> {
  const { StreamName: streamName, Tags: tags = {} } = input;
  refuseUnsupported(input);
  const { shardCount, streamMode } = capacityOf(call, input);
  if (Object.keys(tags).length > 0) checkTags(call, streamName, {}, tags);
  await awaitBarrier(call);
  if (findStream(call, streamName) !== undefined) throw exists(call, streamName);
  try {
    const order = {
      account: call.caller.account,
      streamName,
      shardCount,
      streamMode,
      tags,
      maxRecordSizeKib: input.MaxRecordSizeInKiB ?? RECORD_SIZE_KIB_MIN,
    };
    await call.backend.admin.createStream(order, remainingMs(call, Infinity));
    return undefined;
  } catch (error) {
    if (asStreamError(error).code === "already-exists") throw exists(call, streamName);
    throw asAwsError(error);
  }
}

/** ON_DEMAND is kept as the stream's mode, but its number of shards does not follow the load. */
function capacityOf(
  call: Call,
  { StreamName, ShardCount, StreamModeDetails }: CreateStreamInput,
): { readonly shardCount: number; readonly streamMode: "PROVISIONED" | "ON_DEMAND" } {
  const mode =
    StreamModeDetails?.StreamMode ?? (ShardCount === undefined ? "ON_DEMAND" : undefined);
  if (mode === "ON_DEMAND") {
    if (ShardCount === undefined) return { shardCount: ON_DEMAND_SHARDS, streamMode: mode };
    throw validation(
      `ShardCount must not be given for stream ${StreamName} in ON_DEMAND mode; it is ${ShardCount}.`,
    );
  }
  if (ShardCount === undefined) {
    throw validation(`ShardCount must be given for stream ${StreamName} in PROVISIONED mode.`);
  }
  if (ShardCount > SHARDS_PER_STREAM_MAX) throw shardLimit(call, ShardCount);
  return { shardCount: ShardCount, streamMode: "PROVISIONED" };
}

function refuseUnsupported(input: CreateStreamInput): void {
  for (const member of ["WarmThroughputMiBps", "RecordDistributionStrategy"] as const) {
    const value = input[member];
    if (value === undefined || value === 0 || value === "USER_PARTITION_KEY") continue;
    throw new AwsError(
      "UnsupportedOperationException",
      `${member} ${value} is not supported by this version of Millrace.`,
    );
  }
}

function exists({ caller }: Call, streamName: string) {
  return inUse(`Stream ${streamName} under account ${caller.account} already exists.`);
}

function shardLimit(call: Call, wanted: number) {
  const { account } = call.caller;
  const { view } = call.backend;
  const { region } = clusterOf(view);
  const open = view
    .list("shard")
    .filter((shard) => shard.account === account && shard.state === "open").length;
  return limitExceeded(
    `This request would exceed the shard limit for the account ${account} in ${region}. ` +
      `Current shard count for the account: ${open}. Limit: ${SHARDS_PER_STREAM_MAX}. ` +
      `Number of additional shards that would have resulted from this request: ${wanted}. ` +
      "Refer to the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
      "for current limits and how to request higher limits.",
  );
}
