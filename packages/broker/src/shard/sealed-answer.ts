/**
 * What a sealed shard says of a batch that is sent to it (S10).
 *
 * A producer whose answer was lost around the seal must learn whether its batch is in the parent before it
 * turns to the children: put there as well, it would be stored twice. The sealed shard knows, because
 * nothing is added to its table any more: what is in it is stored, and what is not in it never will be, whatever
 * attempt is still on its way. The second is told by the hint `sealed`, which lets the producer forget
 * its doubt. A table that is full cannot tell it: the producer may be one that had to make room.
 *
 * Only an applied seal gives that certainty, so it is asked of the state, not of metadata.
 */
import { StreamError } from "@millrace/base";
import { readBatchHeader, shardId, viewOf } from "@millrace/model";

import { PRODUCER_WINDOW } from "../bounds.ts";
import { batchProducer } from "./batch-walk.ts";
import type { StoredBatch } from "./dedup-table.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * The batch as it was stored.
 *
 * @throws StreamError `stale-epoch` when it was not, with the shard's epoch, and with `sealed` when that holds
 *   for every attempt under its sequence; `duplicate-stale` when it is too old to tell; `invalid-argument`.
 */
export function storedBeforeSeal(
  state: ShardState,
  groupId: number,
  batch: Uint8Array,
): StoredBatch {
  const { producerSequence: sequence } = readBatchHeader(batch);
  const producer = batchProducer(viewOf(batch), 0);
  if (producer === 0n) throw sealedShard(state, groupId, false);
  const stored = state.dedup.find(producer, sequence);
  if (stored !== undefined) return stored;
  requireRemembered(sequence, state.dedup.newest(producer));
  throw sealedShard(state, groupId, !state.dedup.isFull);
}

/** @throws StreamError `duplicate-stale` for a sequence below the window under `newest` (D1). */
export function requireRemembered(sequence: number, newest: number): void {
  if (sequence > newest - PRODUCER_WINDOW) return;
  throw new StreamError(
    "duplicate-stale",
    `producerSequence is ${sequence}, but the newest is ${newest} and ${PRODUCER_WINDOW} are remembered`,
  );
}

/** @param certain No attempt to put the batch was or will be stored. */
export function sealedShard(state: ShardState, groupId: number, certain: boolean): StreamError {
  const children = state.childShardIndexes.map(shardId).join(" and ");
  const where = children === "" ? "" : `: ${children} take its records`;
  return new StreamError("stale-epoch", `group ${groupId} is sealed${where}`, {
    hint: { shardEpoch: state.epoch, ...(certain ? { sealed: true } : {}) },
  });
}
