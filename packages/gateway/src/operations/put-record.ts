/**
 * PutRecord: one record into the shard that owns its hash key, answered when a majority has it on
 * disk.
 *
 * Source: Kinesis API reference, PutRecord; reference/kinesis-api 2.6.
 */
import { StreamError } from "@millrace/base";
import { parseSequenceNumber, SequenceNumbers, shardId } from "@millrace/model";

import type { PutRecordInput } from "../gen/kinesis-tables.ts";
import { asAwsError, invalidArgument, throughputExceeded } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import { refuseDryRun, servedStream } from "./call.ts";
import { confirmAfterStale } from "./shard-failure.ts";
import { putAll } from "./put-all.ts";
import { PutPlan, rateExceeded } from "./put-plan.ts";

/** Numbers below this are of the service's first, 124-bit form. */
const OLDEST_FORM_END = 1n << 124n;

/**
 * How far a number may be ahead of this clock and still be one that was given out: a child's arrivals begin
 * with its creation second, which is above its parents', and a broker's clock is not quite ours.
 */
const AHEAD_MS_MAX = 60_000;

export async function putRecord(call: Call, input: PutRecordInput): Promise<Answer> {
  const stream = await servedStream(call, input);
  checkOrdering(call, input, stream.streamName);
  const plan = new PutPlan(call, stream, [input]);
  if (input.DryRun === true) refuseDryRun();
  try {
    const [placed] = await putAll(call, stream, [input], plan);
    if (placed === undefined) throw new Error("a record that was put has an outcome");
    const { shard, outcome } = placed;
    if (outcome instanceof StreamError) throw outcome;
    if (outcome.accepted < 1) {
      throw throughputExceeded(rateExceeded(shard, stream.streamName, call.caller.account));
    }
    const numbers = new SequenceNumbers(shard.createdAtSec, shard.shardIndex);
    return {
      ShardId: shardId(shard.shardIndex),
      SequenceNumber: numbers.at(outcome.baseOffset, outcome.arrivalMs),
    };
  } catch (error) {
    await confirmAfterStale(call, stream, error);
    throw asAwsError(error);
  }
}

/** The number may come from any shard or stream, or be zero, but not from the future. */
function checkOrdering(call: Call, input: PutRecordInput, streamName: string): void {
  const given = input.SequenceNumberForOrdering;
  if (given === undefined || BigInt(given) < OLDEST_FORM_END) return;
  const parts = parseSequenceNumber(given);
  if (parts !== undefined && parts.arrivalSec * 1000 <= call.clock.nowMs() + AHEAD_MS_MAX) return;
  throw invalidArgument(
    `ExclusiveMinimumSequenceNumber ${given} used in PutRecord on stream ${streamName} ` +
      `under account ${call.caller.account} is invalid.`,
  );
}
