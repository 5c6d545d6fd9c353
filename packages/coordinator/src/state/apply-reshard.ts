/**
 * Splits and merges: shards of an ACTIVE stream give way to others, and every hash key has one owner
 * all the while (S10).
 *
 *   start-reshard   the children exist as `opening` and own nothing; the stream is UPDATING
 *   (brokers make the children's groups, which elect leaders and refuse puts)
 *   seal-parents    every child has a majority and a leader: the parents' leaders are to seal
 *   report-seal     a parent is sealed in its own log; with the last one of them, in the same command, the
 *                   parents are `closed`, the children `open` and the stream ACTIVE
 *
 * Between the seal and the last command the parent owns its keys and takes nothing: producers wait. Before
 * `seal-parents` the whole can be taken back, after it never: a parent may be sealed already, and no seal
 * is ever lifted.
 *
 *   R1  the children's ranges together are those of the parents, before and after
 *   R2  a child's creation second is above its parents', and so are all its sequence numbers
 *   R3  a command that was given twice, or comes late, changes nothing
 *
 * Source: reference G.9; reference/kinesis-api 2.7 for the checks and their texts.
 */
import type { Shard, ShardRecord, StreamRecord } from "@millrace/model";
import {
  areAdjacent,
  hashKey,
  mayStartAt,
  middleOf,
  shardId,
  SHARDS_PER_STREAM_MAX,
} from "@millrace/model";

import { canOpen, findStream, notInState } from "./apply-stream.ts";
import { buryShard } from "./bury-shard.ts";
import type { CommandOf } from "./command.ts";
import type { Draft } from "./draft.ts";
import { shardRecord } from "./draft.ts";
import type { Outcome, Refusal } from "./outcome.ts";
import { refuse } from "./outcome.ts";
import { placedReplicas, staleBroker } from "./placed-replicas.ts";

const HOUR_MS = 3_600_000;

/** What a child has before it is placed. */
interface ChildRange {
  readonly startingHashKey: bigint;
  readonly endingHashKey: bigint;
}

export function startReshard(draft: Draft, command: CommandOf<"start-reshard">): Outcome {
  const stream = findStream(draft, command);
  const cluster = draft.view.cluster();
  if ("code" in stream) return stream;
  if (cluster === undefined) return refuse("unavailable", "the cluster is not formed yet");
  if (stream.status !== "ACTIVE") return notInState(stream, "ACTIVE");
  const parents = findParents(draft, stream, command.parentShardIndexes);
  if ("code" in parents) return parents;
  const ranges = childRanges(stream, parents, command.startingHashKey);
  if ("code" in ranges) return ranges;
  const open = draft.view.shards(stream.streamId).filter(({ state }) => state === "open");
  if (open.length - parents.length + ranges.length > SHARDS_PER_STREAM_MAX) {
    return refuse(
      "limit-exceeded",
      `stream ${stream.streamName} has ${open.length} open shards, but at most ${SHARDS_PER_STREAM_MAX}`,
    );
  }
  const stale = staleBroker(draft, command);
  if (stale !== undefined) return stale;
  if (command.placements.length !== ranges.length) {
    return refuse("unavailable", `${ranges.length} children were not placed: retry`);
  }
  const children = makeChildren(draft, stream, parents, ranges, command);
  for (const child of children) draft.putShard(child);
  draft.putStream({
    ...stream,
    status: "UPDATING",
    reshard: {
      parentShardIndexes: parents.map(({ shardIndex }) => shardIndex),
      childShardIndexes: children.map(({ shardIndex }) => shardIndex),
      startedAtMs: command.nowMs,
    },
  });
  return undefined;
}

function findParents(
  draft: Draft,
  { streamId, streamName, account }: StreamRecord,
  shardIndexes: readonly number[],
): readonly Shard[] | Refusal {
  const parents: Shard[] = [];
  for (const index of shardIndexes) {
    const shard = draft.view.shard(streamId, index);
    if (shard === undefined) {
      return refuse(
        "not-found",
        `Could not find shard ${shardId(index)} in stream ${streamName} under account ${account}.`,
      );
    }
    parents.push(shard);
  }
  const closed = parents.find(({ state }) => state !== "open");
  if (closed === undefined) return parents;
  return refuse(
    "invalid-argument",
    `Shard ${shardId(closed.shardIndex)} in stream ${streamName} under account ${account} has already ` +
      "been merged or split, and thus is not eligible for merging or splitting.",
  );
}

function childRanges(
  stream: StreamRecord,
  parents: readonly Shard[],
  startingHashKey: string | undefined,
): readonly ChildRange[] | Refusal {
  const [first, second] = parents;
  if (first === undefined) return refuse("invalid-argument", "no shard is named");
  if (second === undefined) return splitRanges(stream, first, startingHashKey);
  if (areAdjacent(first.range, second.range)) {
    const { startingHashKey: start } = first.range;
    return [{ startingHashKey: start, endingHashKey: second.range.endingHashKey }];
  }
  return refuse(
    "invalid-argument",
    `Shards ${shardId(first.shardIndex)} and ${shardId(second.shardIndex)} in stream ` +
      `${stream.streamName} under account ${stream.account} are not an adjacent pair of shards ` +
      "eligible for merging",
  );
}

function splitRanges(
  { streamName, account }: StreamRecord,
  { shardIndex, range }: Shard,
  startingHashKey: string | undefined,
): readonly ChildRange[] | Refusal {
  const at = startingHashKey === undefined ? middleOf(range) : hashKey(BigInt(startingHashKey));
  if (!mayStartAt(range, at)) {
    return refuse(
      "invalid-argument",
      `NewStartingHashKey ${at} used in SplitShard() on shard ${shardId(shardIndex)} in stream ` +
        `${streamName} under account ${account} is not both greater than one plus the shard's ` +
        `StartingHashKey ${range.startingHashKey} and less than the shard's EndingHashKey ${range.endingHashKey}.`,
    );
  }
  return [
    { startingHashKey: range.startingHashKey, endingHashKey: at - 1n },
    { startingHashKey: at, endingHashKey: range.endingHashKey },
  ];
}

function makeChildren(
  draft: Draft,
  stream: StreamRecord,
  parents: readonly Shard[],
  ranges: readonly ChildRange[],
  command: CommandOf<"start-reshard">,
): readonly ShardRecord[] {
  const cluster = draft.view.cluster();
  if (cluster === undefined) return [];
  const { account, streamName, streamId } = stream;
  const shards = draft.view.shards(streamId);
  // The youngest shard has no children, so it is still there: an index is used again only after a reshard was taken back.
  const firstIndex = Math.max(...shards.map(({ shardIndex }) => shardIndex)) + 1;
  const replicas = placedReplicas(command, cluster.nextReplicaId);
  draft.putCluster({
    ...cluster,
    nextGroupId: cluster.nextGroupId + ranges.length,
    nextReplicaId: cluster.nextReplicaId + replicas.flat().length,
  });
  const [parent, adjacent] = parents;
  return ranges.map((range, at) => ({
    streamId,
    account,
    streamName,
    shardIndex: firstIndex + at,
    groupId: cluster.nextGroupId + at,
    epoch: 1,
    state: "opening" as const,
    startingHashKey: range.startingHashKey.toString(),
    endingHashKey: range.endingHashKey.toString(),
    createdAtSec: childSecond(draft, parents, command.nowMs),
    ...(parent === undefined ? {} : { parentShardIndex: parent.shardIndex }),
    ...(adjacent === undefined ? {} : { adjacentParentShardIndex: adjacent.shardIndex }),
    replicas: replicas[at] ?? [],
  }));
}

/** R2. Apart from the clock it depends on the parents alone: a shard must not inherit the lead of strangers. */
function childSecond(draft: Draft, parents: readonly Shard[], nowMs: number): number {
  const seconds = parents.map(({ createdAtSec }) => createdAtSec);
  return Math.max(Math.floor(nowMs / 1000), draft.auxiliary.removedCreatedAtSec, ...seconds) + 1;
}

export function sealParents(draft: Draft, command: CommandOf<"seal-parents">): Outcome {
  const stream = findStream(draft, command);
  if ("code" in stream) return stream;
  if (stream.reshard === undefined) return notInState(stream, "UPDATING");
  const { parents, children } = membersOf(draft, stream);
  const waiting = children.find((shard) => !canOpen(shard, draft.auxiliary.ledGroups));
  if (waiting !== undefined) {
    return refuse("wrong-state", `shard ${waiting.shardIndex} has no majority or no leader yet`);
  }
  for (const parent of parents) {
    if (parent.seal !== undefined) continue; // R3
    const childShardIndexes = stream.reshard.childShardIndexes;
    draft.putShard({ ...parent, seal: { epoch: parent.epoch + 1, childShardIndexes } });
  }
  return undefined;
}

export function reportSeal(draft: Draft, command: CommandOf<"report-seal">): Outcome {
  const { groupId, epoch, endOffset, lastArrivalMs } = command;
  const found = draft.shardOfGroup(groupId);
  const { seal } = found ?? {};
  if (found?.state !== "open" || seal === undefined || seal.endOffset !== undefined) {
    return undefined; // R3
  }
  if (seal.epoch !== epoch) {
    return refuse(
      "wrong-state",
      `group ${groupId} is sealed at epoch ${epoch}, ordered was ${seal.epoch}`,
    );
  }
  draft.putShard({ ...shardRecord(found), seal: { ...seal, endOffset, lastArrivalMs } });
  const stream = draft.view.stream(found.account, found.streamName);
  if (stream?.streamId === found.streamId) completeReshard(draft, stream, command.nowMs);
  return undefined;
}

/** Hands the hash keys over, all in one command, once every parent is sealed. */
function completeReshard(draft: Draft, stream: StreamRecord, nowMs: number): void {
  const { parents, children } = membersOf(draft, stream);
  if (parents.length === 0 || parents.some(({ seal }) => seal?.endOffset === undefined)) return;
  // What a reader takes for the end of a shard is not before its last record, whatever the clocks say.
  const closedAtMs = Math.max(nowMs, ...parents.map(({ seal }) => seal?.lastArrivalMs ?? 0));
  for (const parent of parents) {
    const epoch = parent.seal?.epoch ?? parent.epoch + 1;
    draft.putShard({ ...parent, state: "closed", epoch, closedAtMs });
  }
  for (const child of children) {
    draft.putShard({ ...child, state: "open", epoch: child.epoch + 1 });
    draft.setLed(child.groupId, false);
  }
  putActive(draft, stream);
}

export function cancelReshard(draft: Draft, command: CommandOf<"cancel-reshard">): Outcome {
  const stream = findStream(draft, command);
  if ("code" in stream) return stream;
  if (stream.reshard === undefined) {
    const { streamName, account, status } = stream;
    return refuse(
      "wrong-state",
      `No split or merge of stream ${streamName} under account ${account} is under way: it is ${status}`,
    );
  }
  const { parents, children } = membersOf(draft, stream);
  const sealed = parents.find(({ seal }) => seal !== undefined);
  if (sealed !== undefined) {
    return refuse(
      "wrong-state",
      `shard ${shardId(sealed.shardIndex)} of stream ${stream.streamName} is being sealed: ` +
        "what is under way cannot be taken back any more",
    );
  }
  for (const child of children) buryShard(draft, child, command.nowMs);
  putActive(draft, stream);
  return undefined;
}

/** Removes closed shards of which every record has expired; others are passed over. */
export function removeShards(draft: Draft, command: CommandOf<"remove-shards">): Outcome {
  const stream = findStream(draft, command);
  if ("code" in stream) return stream;
  for (const shardIndex of command.shardIndexes) {
    const shard = draft.view.shard(stream.streamId, shardIndex);
    const expiresAtMs = shard === undefined ? undefined : shardExpiresAtMs(shard, stream);
    if (shard === undefined || expiresAtMs === undefined || command.nowMs < expiresAtMs) continue;
    buryShard(draft, shardRecord(shard), command.nowMs);
  }
  return undefined;
}

/** When nothing of a closed shard can be read any more; undefined for shards that are not closed. */
export function shardExpiresAtMs(
  { state, closedAtMs }: ShardRecord,
  { retentionHours }: StreamRecord,
): number | undefined {
  if (state !== "closed" || closedAtMs === undefined) return undefined;
  return closedAtMs + retentionHours * HOUR_MS;
}

/** As this command sees them, in the order of the reshard. */
function membersOf(
  draft: Draft,
  { streamId, reshard }: StreamRecord,
): { readonly parents: readonly ShardRecord[]; readonly children: readonly ShardRecord[] } {
  const shards = (indexes: readonly number[] = []): readonly ShardRecord[] =>
    indexes.flatMap((index) => {
      const shard = draft.view.shard(streamId, index);
      const now = shard === undefined ? undefined : draft.shardOfGroup(shard.groupId);
      return now === undefined ? [] : [shardRecord(now)];
    });
  return {
    parents: shards(reshard?.parentShardIndexes),
    children: shards(reshard?.childShardIndexes),
  };
}

function putActive(draft: Draft, stream: StreamRecord): void {
  const { reshard: _, ...rest } = stream;
  draft.putStream({ ...rest, status: "ACTIVE" });
}
