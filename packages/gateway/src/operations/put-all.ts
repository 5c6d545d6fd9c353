/**
 * Puts the records of one request, and puts again in another shard what the first one did not take because it
 * was split or merged meanwhile: to AWS's callers a reshard is a moment of waiting, not an error.
 *
 * Only what is certainly not stored is put again, and the producer itself asks a sealed shard about
 * what it is in doubt of, so no record is stored twice.
 */
import type { StreamError } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { Shard, StreamRecord } from "@millrace/model";

import type { GatewayPutOutcome } from "../backend.ts";
import { AwsError } from "../protocol/aws-error.ts";
import type { Call } from "./call.ts";
import { remainingMs } from "./call.ts";
import type { PutEntry, ShardGroup } from "./put-plan.ts";
import { PutPlan } from "./put-plan.ts";

/** Further shards that records are sent to: children of children are too young to be split again within one request. */
const REROUTES_MAX = 3;
/** A put in less time would hardly be answered. */
const REROUTE_MS_MIN = 50;

/** Records that were put into one shard together. */
export interface PlacedRecords {
  readonly shard: Shard;
  readonly outcome: GatewayPutOutcome | StreamError;
}

/** Where each record went, in order of input; records of one group share their object, and stand in it in that order. */
export async function putAll(
  call: Call,
  stream: StreamRecord,
  entries: readonly PutEntry[],
  plan: PutPlan,
): Promise<readonly PlacedRecords[]> {
  const placed = await putGroups(call, plan);
  for (let round = 0; round < REROUTES_MAX; round++) {
    const moved = [...placed.keys()].filter((index) => isMoved(placed[index]));
    if (moved.length === 0 || remainingMs(call, call.deadlines.putMs) < REROUTE_MS_MIN) break;
    const next = planAgain(
      call,
      stream,
      moved.map((index) => entries[index] as PutEntry),
    );
    if (next === undefined) break;
    const again = await putGroups(call, next);
    for (const [at, index] of moved.entries()) placed[index] = again[at] as PlacedRecords;
  }
  return placed;
}

async function putGroups(call: Call, plan: PutPlan): Promise<PlacedRecords[]> {
  const groups = await Promise.all(plan.groups.map((group) => putGroup(call, group)));
  return Array.from(plan.groupOf, (group) => groups[group] as PlacedRecords);
}

async function putGroup(call: Call, group: ShardGroup): Promise<PlacedRecords> {
  const { shard } = group;
  const deadlineMs = remainingMs(call, call.deadlines.putMs);
  try {
    return { shard, outcome: await call.backend.producer.put(shard, group.encoded(), deadlineMs) };
  } catch (error) {
    return { shard, outcome: asStreamError(error) };
  }
}

function isMoved(placed: PlacedRecords | undefined): boolean {
  const outcome = placed?.outcome;
  return outcome instanceof Error && outcome.code === "stale-epoch";
}

/** By the shard map as it is now; undefined when that does not say where the records belong. */
function planAgain(
  call: Call,
  stream: StreamRecord,
  entries: readonly PutEntry[],
): PutPlan | undefined {
  try {
    return new PutPlan(call, stream, entries);
  } catch (error) {
    if (error instanceof AwsError) return undefined;
    throw error;
  }
}
