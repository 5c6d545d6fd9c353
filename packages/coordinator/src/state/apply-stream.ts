/**
 * The life of a stream: CREATING, ACTIVE, DELETING, gone.
 *
 * Source: reference of the Kinesis API, CreateStream, DeleteStream and "Stream status".
 */
import type { ShardRecord, StreamRecord } from "@millrace/model";
import { evenHashKeyRanges, METADATA_KEY, TAGS_PER_STREAM_MAX } from "@millrace/model";

import { buryShard } from "./bury-shard.ts";
import type { CommandOf, StreamTarget } from "./command.ts";
import type { Draft } from "./draft.ts";
import { shardRecord } from "./draft.ts";
import type { Outcome, Refusal } from "./outcome.ts";
import { refuse } from "./outcome.ts";
import { placedReplicas, staleBroker } from "./placed-replicas.ts";

export function createStream(draft: Draft, command: CommandOf<"create-stream">): Outcome {
  const { account, streamName, streamId } = command;
  const cluster = draft.view.cluster();
  if (cluster === undefined) return refuse("unavailable", "the cluster is not formed yet");
  if (draft.view.stream(account, streamName) !== undefined) {
    return refuse(
      "already-exists",
      `Stream ${streamName} under account ${account} already exists.`,
    );
  }
  if (draft.view.shards(streamId).length > 0) {
    return refuse("already-exists", `stream id ${streamId} is another stream's: retry`);
  }
  const stale = staleBroker(draft, command);
  if (stale !== undefined) return stale;
  draft.putStream({
    account,
    streamName,
    streamId,
    status: "CREATING",
    streamMode: command.streamMode,
    retentionHours: command.retentionHours,
    maxRecordSizeKib: command.maxRecordSizeKib,
    createdAtMs: command.nowMs,
    tags: command.tags,
  });
  putShards(draft, command, cluster.nextGroupId, cluster.nextReplicaId);
  const replicas = command.placements.reduce((sum, placement) => sum + placement.length, 0);
  draft.putCluster({
    ...cluster,
    nextGroupId: cluster.nextGroupId + command.placements.length,
    nextReplicaId: cluster.nextReplicaId + replicas,
  });
  return undefined;
}

function putShards(
  draft: Draft,
  command: CommandOf<"create-stream">,
  firstGroupId: number,
  firstReplicaId: number,
): void {
  const createdAtSec = nextCreationSecond(draft, command.nowMs);
  const replicas = placedReplicas(command, firstReplicaId);
  for (const [shardIndex, range] of evenHashKeyRanges(command.placements.length).entries()) {
    draft.putShard({
      streamId: command.streamId,
      account: command.account,
      streamName: command.streamName,
      shardIndex,
      groupId: firstGroupId + shardIndex,
      epoch: 1,
      state: "creating",
      startingHashKey: range.startingHashKey.toString(),
      endingHashKey: range.endingHashKey.toString(),
      createdAtSec,
      replicas: replicas[shardIndex] ?? [],
    });
  }
}

/**
 * The leader's second, but never below one given out before and above that of every removed shard:
 * sequence numbers begin with it, and a reader that kept one of a deleted stream must find it below
 * all records of the stream that took over the name.
 */
function nextCreationSecond(draft: Draft, nowMs: number): number {
  const { lastCreatedAtSec, removedCreatedAtSec } = draft.auxiliary;
  const second = Math.max(Math.floor(nowMs / 1000), lastCreatedAtSec, removedCreatedAtSec + 1);
  draft.setSeconds({ lastCreatedAtSec: second });
  return second;
}

export function activateStream(draft: Draft, command: CommandOf<"activate-stream">): Outcome {
  const stream = findStream(draft, command);
  if ("code" in stream) return stream;
  if (stream.status !== "CREATING") return notInState(stream, "CREATING");
  const shards = draft.view.shards(stream.streamId);
  const waiting = shards.find((shard) => !canOpen(shard, draft.auxiliary.ledGroups));
  if (waiting !== undefined) {
    return refuse("wrong-state", `shard ${waiting.shardIndex} has no majority or no leader yet`);
  }
  draft.putStream({ ...stream, status: "ACTIVE" });
  for (const shard of shards) {
    draft.putShard({ ...shardRecord(shard), state: "open", epoch: shard.epoch + 1 });
    draft.setLed(shard.groupId, false);
  }
  return undefined;
}

/** A majority of the replicas is durable, and the group has had a leader. */
export function canOpen(shard: ShardRecord, ledGroups: ReadonlySet<number>): boolean {
  const created = shard.replicas.filter((replica) => replica.state === "created").length;
  return created * 2 > shard.replicas.length && ledGroups.has(shard.groupId);
}

export function deleteStream(draft: Draft, command: CommandOf<"delete-stream">): Outcome {
  const stream = findStream(draft, command);
  if ("code" in stream) return stream;
  if (stream.status === "DELETING") return notInState(stream, "ACTIVE");
  const { reshard: _, ...rest } = stream;
  draft.putStream({ ...rest, status: "DELETING", deletingSinceMs: command.nowMs });
  for (const shard of draft.view.shards(stream.streamId)) {
    draft.putShard({ ...shardRecord(shard), state: "deleting", epoch: shard.epoch + 1 });
    draft.setLed(shard.groupId, false);
  }
  return undefined;
}

export function removeStream(draft: Draft, command: CommandOf<"remove-stream">): Outcome {
  const stream = findStream(draft, command);
  if ("code" in stream) return stream;
  if (stream.status !== "DELETING") return notInState(stream, "DELETING");
  let newest = draft.auxiliary.removedCreatedAtSec;
  for (const shard of draft.view.shards(stream.streamId)) {
    buryShard(draft, shard, command.nowMs);
    newest = Math.max(newest, shard.createdAtSec);
  }
  draft.remove(METADATA_KEY.stream(stream.account, stream.streamName));
  draft.setSeconds({ removedCreatedAtSec: newest });
  return undefined;
}

export function updateRetention(draft: Draft, command: CommandOf<"update-retention">): Outcome {
  const stream = activeTarget(draft, { ...command, streamId: "" });
  if ("code" in stream) return stream;
  const { retentionHours, direction, streamName } = command;
  const now = stream.retentionHours;
  const wrongWay = direction === "increase" ? retentionHours < now : retentionHours > now;
  if (wrongWay) {
    return refuse(
      "invalid-argument",
      `retentionHours is ${retentionHours}, but an ${direction} of stream ${streamName} must be ` +
        `${direction === "increase" ? "at least" : "at most"} its ${now}`,
    );
  }
  if (retentionHours !== now) draft.putStream({ ...stream, retentionHours });
  return undefined;
}

export function updateTags(draft: Draft, command: CommandOf<"update-tags">): Outcome {
  const stream = activeTarget(draft, { ...command, streamId: "" });
  if ("code" in stream) return stream;
  const removed = new Set(command.remove);
  const kept = Object.entries(stream.tags).filter(([key]) => !removed.has(key));
  const tags = Object.fromEntries([...kept, ...Object.entries(command.set)]);
  const count = Object.keys(tags).length;
  if (count > TAGS_PER_STREAM_MAX) {
    return refuse(
      "limit-exceeded",
      `tags is ${count} of stream ${command.streamName}, but at most ${TAGS_PER_STREAM_MAX}`,
    );
  }
  draft.putStream({ ...stream, tags });
  return undefined;
}

export function findStream(draft: Draft, of: StreamTarget): StreamRecord | Refusal {
  const stream = draft.view.stream(of.account, of.streamName);
  const meant = stream !== undefined && (of.streamId === "" || of.streamId === stream.streamId);
  if (meant) return stream;
  return refuse("not-found", `Stream ${of.streamName} under account ${of.account} not found.`);
}

function activeTarget(draft: Draft, of: StreamTarget): StreamRecord | Refusal {
  const stream = findStream(draft, of);
  if ("code" in stream || stream.status === "ACTIVE") return stream;
  return notInState(stream, "ACTIVE");
}

export function notInState(stream: StreamRecord, wanted: StreamRecord["status"]): Refusal {
  return refuse(
    "wrong-state",
    `Stream ${stream.streamName} under account ${stream.account} not ${wanted}, ` +
      `instead in state ${stream.status}`,
  );
}
