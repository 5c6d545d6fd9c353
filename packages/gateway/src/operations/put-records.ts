/**
 * PutRecords: up to 500 records, each with a result of its own, in the order of the request.
 *
 * Not atomic: a shard that cannot take its records fails only those. When every shard failed and
 * nothing is known to be stored, the whole call is refused as unavailable, because SDKs retry that
 * by themselves, while a reply with 500 failed entries is the program's to handle.
 *
 * Source: Kinesis API reference, PutRecords; reference/kinesis-api 2.6.
 */
import type { StreamError } from "@millrace/base";
import type { StreamRecord } from "@millrace/model";
import { SequenceNumbers, shardId } from "@millrace/model";

import type { PutRecordsInput } from "../gen/kinesis-tables.ts";
import { unavailable } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import { refuseDryRun, servedStream } from "./call.ts";
import { confirmAfterStale, nothingStored } from "./shard-failure.ts";
import type { PlacedRecords } from "./put-all.ts";
import { putAll } from "./put-all.ts";
import { PutPlan, rateExceeded } from "./put-plan.ts";

interface ResultEntry {
  readonly SequenceNumber?: string;
  readonly ShardId?: string;
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

export async function putRecords(call: Call, input: PutRecordsInput): Promise<Answer> {
  const stream = await servedStream(call, input);
  const plan = new PutPlan(call, stream, input.Records);
  if (input.DryRun === true) refuseDryRun();
  const placed = await putAll(call, stream, input.Records, plan);
  await refuseWhenNothingWorked(call, stream, placed);
  return results(call, stream, placed);
}

async function refuseWhenNothingWorked(
  call: Call,
  stream: StreamRecord,
  placed: readonly PlacedRecords[],
): Promise<void> {
  const failures = placed.map(({ outcome }) => outcome).filter(isFailure);
  if (failures.length < placed.length || !failures.every(nothingStored)) return;
  const [first] = failures;
  await confirmAfterStale(call, stream, first);
  throw unavailable(first?.message ?? "no shard took its records", first);
}

function results(call: Call, stream: StreamRecord, placed: readonly PlacedRecords[]): Answer {
  const writers = new Map<PlacedRecords, () => ResultEntry>();
  let failed = 0;
  const records = placed.map((group) => {
    const writer = writers.get(group) ?? resultWriter(call, stream, group);
    writers.set(group, writer);
    const entry = writer();
    if (entry.ErrorCode !== undefined) failed++;
    return entry;
  });
  return { FailedRecordCount: failed, Records: records };
}

/** Gives the results of one shard's records, one per call, in their order. */
function resultWriter(
  call: Call,
  stream: StreamRecord,
  { shard, outcome }: PlacedRecords,
): () => ResultEntry {
  if (isFailure(outcome)) {
    const failure = { ErrorCode: "InternalFailure", ErrorMessage: "Internal service failure." };
    return () => failure;
  }
  const numbers = new SequenceNumbers(shard.createdAtSec, shard.shardIndex);
  const ShardId = shardId(shard.shardIndex);
  const throttled = {
    ErrorCode: "ProvisionedThroughputExceededException",
    ErrorMessage: rateExceeded(shard, stream.streamName, call.caller.account),
  };
  let next = 0;
  return () => {
    if (next >= outcome.accepted) return throttled;
    const SequenceNumber = numbers.at(outcome.baseOffset + next++, outcome.arrivalMs);
    return { SequenceNumber, ShardId };
  };
}

function isFailure(outcome: PlacedRecords["outcome"]): outcome is StreamError {
  return outcome instanceof Error;
}
