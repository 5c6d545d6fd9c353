/** Everything that is there in the end, read through the leaders and from each replica's own files. */
import { asStreamError, sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { FinalShard, Finals } from "../check/history-check.ts";
import { Consumer } from "../workload/consumer.ts";
import type { PageBounds } from "../workload/consumer.ts";
import type { LoopDeps } from "../workload/producer.ts";
import { decodeEntry } from "../workload/values.ts";
import type { World } from "../world.ts";
import { shardsThatStay } from "./liveness.ts";
import { EntryCompare } from "./same-everywhere.ts";

/** Pages of the final reading. */
const WHOLE: PageBounds = { maxBytes: 8 * 1024 * 1024, maxRecords: 10_000 };
const FETCH_BYTES = 8 * 1024 * 1024;
/** Of every stream that the workload makes. */
const RETENTION_MS = 24 * 3_600_000;

export async function readBack(world: World, deps: LoopDeps): Promise<Finals> {
  const view = world.newestView;
  const shards = new Map<string, FinalShard>();
  const replicas = new Map<string, ReadonlyMap<number, FinalShard>>();
  for (const shard of view === undefined ? [] : shardsThatStay(view)) {
    const key = `${shard.streamId}/${shard.shardIndex}`;
    const leaders = await throughLeader(shard, new Consumer(deps));
    shards.set(key, leaders);
    replicas.set(key, await ofReplicas(world, deps, shard, leaders));
  }
  return { shards, replicas, calendarMs: world.calendarMs, retentionMs: RETENTION_MS };
}

async function throughLeader(shard: Shard, consumer: Consumer): Promise<FinalShard> {
  const values: string[] = [];
  let next = 0;
  let first: number | undefined;
  for (let end = Number.POSITIVE_INFINITY; next < end;) {
    const page = await consumer.fetch(shard, next, 0, 5000, WHOLE, first !== undefined);
    if (page === undefined) throw new Error(`shard ${shard.shardIndex} cannot be read`);
    first ??= page.values.length > 0 ? page.offset : page.trimOffset;
    values.push(...page.values);
    next = page.nextOffset;
    end = page.endOffset;
  }
  return { trimOffset: first ?? next, values };
}

/** Compares them byte by byte on the way (L2, S2). */
async function ofReplicas(
  world: World,
  deps: LoopDeps,
  { groupId, replicas }: Shard,
  leaders: FinalShard,
): Promise<ReadonlyMap<number, FinalShard>> {
  const found = new Map<number, FinalShard>();
  const entries = new EntryCompare(groupId);
  for (const { nodeId } of replicas) {
    const node = world.machines.find((each) => each.nodeId === nodeId);
    const group = [...(node?.running?.lane.groups() ?? [])].find(
      (each) => each.groupId === groupId,
    );
    if (group === undefined) continue;
    let values: string[] = [];
    let trimOffset: number | undefined;
    const end = group.appliedIndex + 1;
    for (let next = 0; next < end;) {
      const page = await mended(deps, () => {
        const first = group.log.firstIndex();
        // Trimmed while it was read: what is left begins later.
        if (first > next) [next, values, trimOffset] = [first, [], undefined];
        return group.log.fetchEntries(next, end, FETCH_BYTES);
      });
      if (page.length === 0) throw new Error(`node ${nodeId} has no entry ${next} of ${groupId}`);
      for (const { index, term, type, data } of page) {
        next = index + 1;
        const difference = entries.differs({ nodeId, index, term, data });
        if (difference !== undefined) world.broken(difference);
        const decoded = type === "EntryNormal" && data.length > 0 ? decodeEntry(data) : undefined;
        if (decoded === undefined) continue;
        trimOffset ??= decoded.baseOffset;
        values.push(...decoded.values);
      }
    }
    found.set(nodeId, { trimOffset: trimOffset ?? leaders.trimOffset, values });
  }
  return found;
}

/** Entries that rot has reached are fetched from another replica when they are first read. */
async function mended<T>({ process }: LoopDeps, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (asStreamError(error).code !== "unavailable") throw error;
      await sleep(process.clock, 200);
    }
  }
}
