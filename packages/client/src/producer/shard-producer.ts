/**
 * Puts of encoded records to shards.
 *
 * Puts of one turn of the event loop are gathered and sent together at its end: those to one shard
 * become one batch, those to shards of one broker leave in one write.
 */
import type { Clock, Logger, Metrics, Random } from "@millrace/base";
import { requireWithin, StreamError } from "@millrace/base";
import type { Allocate, Crc32, MetadataView, Shard } from "@millrace/model";
import {
  BATCH_BYTES_MAX,
  BATCH_HEADER_BYTES,
  METADATA_KEY,
  PRODUCER_ID_BYTES,
  RECORD_HEADER_BYTES,
  RECORDS_PER_BATCH_MAX,
} from "@millrace/model";

import type { ClientLimits } from "../options.ts";
import type { LeaderCache } from "../routing/leader-cache.ts";
import type { EncodedRecords, PutOutcome } from "../types.ts";
import type { AppendPort } from "./append-port.ts";
import type { LaneDeps } from "./lane-deps.ts";
import { Lane } from "./lane.ts";

/** How often lanes of shards that are gone are let go. */
const PRUNE_MS = 60_000;

export interface ShardProducerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32: Crc32;
  readonly allocate: Allocate;
  readonly view: MetadataView;
  readonly leaders: LeaderCache;
  readonly port: AppendPort;
  readonly limits: ClientLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class ShardProducer {
  readonly #deps: ShardProducerDeps;
  readonly #laneDeps: LaneDeps;
  readonly #lanes = new Map<number, Lane>();
  /** Group of each shard that has a lane, by its metadata key. */
  readonly #groups = new Map<string, number>();
  readonly #toPump = new Set<{ pump(): void }>();
  readonly #stopFollowing: () => void;
  #pumpPlanned = false;
  #prunedAtMs: number;
  #closed: StreamError | undefined;

  constructor(deps: ShardProducerDeps) {
    this.#deps = deps;
    this.#prunedAtMs = deps.clock.monotonicMs();
    const { metrics, random, crc32, allocate } = deps;
    this.#laneDeps = {
      ...deps,
      producer: { id: producerId(random), crc32, allocate },
      counts: {
        attempts: metrics.counter("millrace_client_appends_total", "Batches sent to shards."),
        retries: metrics.counter(
          "millrace_client_append_retries_total",
          "Batches sent to shards again.",
        ),
      },
      pumpSoon: (lane) => this.#pumpSoon(lane),
    };
    this.#stopFollowing = deps.view.onChange((keys) => this.#viewChanged(keys));
  }

  /**
   * Stores records in one shard, once, in their order, retrying until the deadline. The outcome tells
   * how many were stored and how many the shard's write limit refused.
   *
   * @param deadlineMs Milliseconds from now.
   * @throws StreamError, and nothing was stored: `invalid-argument`, `unavailable`, `overloaded`,
   *   `stale-epoch` (the shard is closed or gone: route again), `disk-full`, `not-found`,
   *   `unauthenticated`, `permission-denied`. It may be stored: `deadline`, `indeterminate`, `corrupt`,
   *   `internal`.
   */
  put(shard: Shard, records: EncodedRecords, deadlineMs: number): Promise<PutOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      checkRecords(records);
      requireWithin("deadlineMs", deadlineMs, 0, Number.MAX_SAFE_INTEGER);
      const lane = this.#lane(shard);
      lane.enqueue(shard, {
        batch: records.batch,
        count: records.count,
        deadlineAtMs: this.#deps.clock.monotonicMs() + deadlineMs,
        alone: false,
        settled: false,
        resolve,
        reject,
      });
      this.#pumpSoon(lane);
    });
  }

  /** Ends every put that is not settled: `unavailable` where nothing was sent, else `indeterminate`. */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = new StreamError("unavailable", "the client is closed");
    this.#stopFollowing();
    for (const lane of this.#lanes.values()) lane.close(this.#closed);
    this.#lanes.clear();
    this.#groups.clear();
  }

  #lane(shard: Shard): Lane {
    const known = this.#lanes.get(shard.groupId);
    if (known !== undefined) return known;
    this.#prune();
    const lane = new Lane(shard, this.#laneDeps);
    this.#lanes.set(shard.groupId, lane);
    this.#groups.set(METADATA_KEY.shard(shard.streamId, shard.shardIndex), shard.groupId);
    return lane;
  }

  #pumpSoon(lane: { pump(): void }): void {
    this.#toPump.add(lane);
    if (this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    this.#deps.clock.soon(() => {
      this.#pumpPlanned = false;
      const lanes = [...this.#toPump];
      this.#toPump.clear();
      for (const each of lanes) each.pump();
    });
  }

  #viewChanged(keys: readonly string[]): void {
    if (this.#groups.size === 0) return;
    for (const key of keys) {
      const groupId = this.#groups.get(key);
      if (groupId === undefined) continue;
      this.#lanes.get(groupId)?.shardChanged(this.#deps.view.shardOfGroup(groupId));
    }
  }

  /** Memory follows the shards that exist, not those that ever did. */
  #prune(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#prunedAtMs < PRUNE_MS) return;
    this.#prunedAtMs = nowMs;
    this.#deps.leaders.prune();
    for (const [key, groupId] of this.#groups) {
      const lane = this.#lanes.get(groupId);
      if (lane?.idle === false || this.#deps.view.shardOfGroup(groupId) !== undefined) continue;
      this.#lanes.delete(groupId);
      this.#groups.delete(key);
    }
  }
}

/** Zeros mean "takes no part in deduplication", so one byte is never zero. */
function producerId(random: Random): Uint8Array {
  const id = random.bytes(PRODUCER_ID_BYTES).slice();
  id[0] = (id[0] ?? 0) | 1;
  return id;
}

function checkRecords({ batch, count }: EncodedRecords): void {
  requireWithin("records.count", count, 1, RECORDS_PER_BATCH_MAX);
  const bytesMin = BATCH_HEADER_BYTES + count * (RECORD_HEADER_BYTES + 1);
  requireWithin("records.batch bytes", batch.byteLength, bytesMin, BATCH_BYTES_MAX);
}
