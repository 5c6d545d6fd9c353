/**
 * GetShardIterator: a position in a shard as a token. The position is fixed when the token is made,
 * so that a record put between this call and the first GetRecords at LATEST is seen.
 *
 * The checks are in AWS's order, because programs recognise a recreated stream and a foreign number
 * by the text they get.
 *
 * Source: Kinesis API reference, GetShardIterator; reference/kinesis-api 2.3.
 */
import { asStreamError } from "@millrace/base";
import type { Shard, StreamRecord } from "@millrace/model";
import { isUnopenedShard, parseSequenceNumber, parseShardId, shardId } from "@millrace/model";

import type { GetShardIteratorInput } from "../gen/kinesis-tables.ts";
import {
  asAwsError,
  invalidArgument,
  notFound,
  throughputExceeded,
} from "../protocol/aws-error.ts";
import { encodeShardIterator } from "../tokens/shard-iterator.ts";
import type { Answer, Call } from "./call.ts";
import { awaitBarrier, findStream, refuseDryRun, remainingMs, streamNameOf } from "./call.ts";
import { rateExceeded } from "./put-plan.ts";
import { confirmAfterStale } from "./shard-failure.ts";

interface Start {
  readonly position: "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP" | "NONE";
  readonly timestampMs?: number;
  /** For NONE: the offset itself, `Infinity` for the end of the shard. */
  readonly offset?: number;
}

export async function getShardIterator(call: Call, input: GetShardIteratorInput): Promise<Answer> {
  const streamName = streamNameOf(call, input);
  const index = parseShardId(input.ShardId);
  if (index === undefined) {
    throw notFound(
      `Could not find shard ${input.ShardId} in stream ${streamName} under account ${call.caller.account}.`,
    );
  }
  const { stream, shard } = await findShard(call, streamName, index);
  const start = startOf(call, input, stream, shard);
  if (input.DryRun === true) refuseDryRun();
  const offset = await locate(call, stream, shard, start);
  const position = {
    account: stream.account,
    streamName,
    streamId: stream.streamId,
    shardIndex: shard.shardIndex,
    offset,
  };
  return { ShardIterator: encodeShardIterator(call.tokens, position, call.clock.nowMs()) };
}

/** The shard by the view as it is; a no is confirmed first. */
async function findShard(
  call: Call,
  streamName: string,
  index: number,
): Promise<{ readonly stream: StreamRecord; readonly shard: Shard }> {
  for (const confirmed of [false, true]) {
    if (confirmed) await awaitBarrier(call);
    const stream = findStream(call, streamName);
    if (stream === undefined || stream.status === "CREATING") continue;
    const shard = call.backend.view.shard(stream.streamId, index);
    if (shard !== undefined && !isUnopenedShard(shard)) return { stream, shard };
  }
  throw notFound(
    `Shard ${shardId(index)} in stream ${streamName} under account ${call.caller.account} does not exist`,
  );
}

function startOf(
  call: Call,
  input: GetShardIteratorInput,
  stream: StreamRecord,
  shard: Shard,
): Start {
  const { ShardIteratorType: type, StartingSequenceNumber: number, Timestamp } = input;
  switch (type) {
    case "AT_TIMESTAMP":
      return { position: "AT_TIMESTAMP", timestampMs: checkTimestamp(call, Timestamp) };
    case "TRIM_HORIZON":
    case "LATEST":
      if (number !== undefined) throw eitherOr(type, "also a StartingSequenceNumber");
      return { position: type };
    default:
      if (number === undefined) throw eitherOr(type, "no StartingSequenceNumber");
      return { position: "NONE", offset: offsetOf(call, type, number, stream, shard) };
  }
}

function offsetOf(
  call: Call,
  type: string,
  number: string,
  stream: StreamRecord,
  shard: Shard,
): number {
  const parts = parseSequenceNumber(number);
  const used =
    `StartingSequenceNumber ${number} used in GetShardIterator on shard ${shardId(shard.shardIndex)} ` +
    `in stream ${stream.streamName} under account ${call.caller.account} is invalid`;
  if (parts === undefined) throw invalidArgument(`${used}.`);
  if (parts.shardIndex !== shard.shardIndex) {
    throw invalidArgument(
      `Invalid StartingSequenceNumber. It encodes ${shardId(parts.shardIndex)}, ` +
        `while it was used in a call to a shard with ${shardId(shard.shardIndex)}`,
    );
  }
  if (parts.shardCreatedSec !== shard.createdAtSec) {
    throw invalidArgument(`${used} because it did not come from this stream.`);
  }
  return Math.max(0, type === "AFTER_SEQUENCE_NUMBER" ? parts.offset + 1 : parts.offset);
}

function checkTimestamp(call: Call, timestampMs: number | undefined): number {
  if (timestampMs === undefined) {
    throw invalidArgument(
      "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. " +
        "Current request has no timestamp parameter.",
    );
  }
  const nowMs = call.clock.nowMs();
  if (timestampMs <= nowMs) return timestampMs;
  throw invalidArgument(
    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
      `timestampInMillis: ${timestampMs}, currentTimestampInMillis: ${nowMs}`,
  );
}

async function locate(
  call: Call,
  stream: StreamRecord,
  shard: Shard,
  start: Start,
): Promise<number> {
  const { reader } = call.backend;
  try {
    const found = await reader.locate(
      shard,
      start.position,
      start.timestampMs,
      true,
      remainingMs(call, call.deadlines.readMs),
    );
    // Nobody can hold the number of a record that does not exist, so a larger one is the shard's end.
    return start.offset === undefined ? found.offset : Math.min(start.offset, found.endOffset);
  } catch (error) {
    if (asStreamError(error).code === "throttled") {
      throw throughputExceeded(rateExceeded(shard, stream.streamName, call.caller.account));
    }
    await confirmAfterStale(call, stream, error);
    throw asAwsError(error);
  }
}

function eitherOr(type: string, what: string) {
  return invalidArgument(
    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber " +
      `or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ${type} and ${what}.`,
  );
}
