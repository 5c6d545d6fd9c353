import type { ShardRecord } from "@millrace/model";
import { METADATA_KEY } from "@millrace/model";

import type { Draft } from "./draft.ts";

/** A shard's record goes, and the order to delete its replicas takes its place (S13). */
export function buryShard(draft: Draft, shard: ShardRecord, nowMs: number): void {
  const { groupId, move } = shard;
  // A replica that was on its way has data, too.
  const replicas = move?.add === undefined ? shard.replicas : [...shard.replicas, move.add];
  draft.putTombstone({ groupId, replicas, deletedAtMs: draft.graceFrom(nowMs) });
  draft.remove(METADATA_KEY.shard(shard.streamId, shard.shardIndex));
  draft.setLed(groupId, false);
}
