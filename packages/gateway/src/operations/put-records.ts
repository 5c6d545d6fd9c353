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
import { asStreamError } from "@millrace/base";
import type { StreamRecord } from "@millrace/model";
import { SequenceNumbers, shardId } from "@millrace/model";

import type { GatewayPutOutcome } from "../backend.ts";
import type { PutRecordsInput } from "../gen/kinesis-tables.ts";
import { unavailable } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import { refuseDryRun, remainingMs, servedStream } from "./call.ts";
import { confirmAfterStale, nothingStored } from "./shard-failure.ts";
import type { ShardGroup } from "./put-plan.ts";
import { PutPlan, rateExceeded } from "./put-plan.ts";

type Outcome = GatewayPutOutcome | StreamError;

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
  const outcomes = await Promise.all(plan.groups.map((group) => putGroup(call, group)));
  await refuseWhenNothingWorked(call, stream, outcomes);
  return results(call, stream, plan, outcomes);
}

async function putGroup(call: Call, group: ShardGroup): Promise<Outcome> {
  try {
    return await call.backend.producer.put(
      group.shard,
      group.encoded(),
      remainingMs(call, call.deadlines.putMs),
    );
  } catch (error) {
    return asStreamError(error);
  }
}

async function refuseWhenNothingWorked(
  call: Call,
  stream: StreamRecord,
  outcomes: readonly Outcome[],
): Promise<void> {
  const failures = outcomes.filter(isFailure);
  if (failures.length < outcomes.length || !failures.every(nothingStored)) return;
  const [first] = failures;
  await confirmAfterStale(call, stream, first);
  throw unavailable(first?.message ?? "no shard took its records", first);
}

function results(
  call: Call,
  stream: StreamRecord,
  plan: PutPlan,
  outcomes: readonly Outcome[],
): Answer {
  const writers = plan.groups.map((group, index) =>
    resultWriter(call, stream, group, outcomes[index] as Outcome),
  );
  let failed = 0;
  const records = Array.from(plan.groupOf, (group) => {
    const entry = (writers[group] as () => ResultEntry)();
    if (entry.ErrorCode !== undefined) failed++;
    return entry;
  });
  return { FailedRecordCount: failed, Records: records };
}

/** Gives the results of one shard's records, one per call, in their order. */
function resultWriter(
  call: Call,
  stream: StreamRecord,
  { shard }: ShardGroup,
  outcome: Outcome,
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

function isFailure(outcome: Outcome): outcome is StreamError {
  return outcome instanceof Error;
}
