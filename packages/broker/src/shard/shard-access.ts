/**
 * Who may do what on which shard, and where to go instead: the refusals that fence stale callers (S11).
 *
 * Each says as much as the caller needs to find the right place: the leader's node and address, the term,
 * the shard's epoch. All of them are definite: nothing was stored.
 */
import { StreamError } from "@millrace/base";
import type { Principal, Shard } from "@millrace/model";
import { isUnopenedShard } from "@millrace/model";

import type { BrokerContext } from "../context.ts";
import type { ShardGroup } from "../ports.ts";

/**
 * The shard's metadata.
 *
 * @throws StreamError `unavailable` when this node knows no such shard: its metadata may lag behind the
 *   caller's, and "it does not exist" is said only after a barrier, which is the caller's to take.
 *   `permission-denied` for a key of another account.
 */
export function requireShard(
  { view }: Pick<BrokerContext, "view">,
  groupId: number,
  principal: Principal,
): Shard {
  if (!view.ready) {
    throw new StreamError("unavailable", "this node has no complete copy of the metadata yet");
  }
  const shard = view.shardOfGroup(groupId);
  if (shard === undefined) {
    throw new StreamError(
      "unavailable",
      `no shard has group ${groupId} in this node's metadata, which is at index ${view.index}`,
    );
  }
  if (principal.kind === "key" && principal.account !== shard.account) {
    throw new StreamError(
      "permission-denied",
      `key ${principal.accessKeyId} of account ${principal.account} may not use group ${groupId}`,
    );
  }
  return shard;
}

/** @throws StreamError `not-leader` with the leader, or `unavailable` while a new leader is not ready. */
export function requireReadyLeader(context: BrokerContext, group: ShardGroup): void {
  if (group.isReadyLeader) return;
  if (group.role !== "leader") throw notLeader(context, group);
  throw new StreamError(
    "unavailable",
    `the leader of group ${group.groupId} in term ${group.term} has not applied its log yet`,
    { hint: { term: group.term } },
  );
}

/**
 * @throws StreamError `stale-epoch` when the caller's shard map is older than ours, or the shard takes no
 *   more records; `unavailable` when ours is older or the shard is not open yet.
 */
export function requireWritable(shard: Shard, shardEpoch: number): void {
  if (shardEpoch > shard.epoch) {
    // A refusal as stale would make the caller wait for metadata that it already has.
    throw new StreamError(
      "unavailable",
      `shardEpoch is ${shardEpoch}, but this node's metadata is still at ${shard.epoch}`,
      { hint: { shardEpoch: shard.epoch } },
    );
  }
  if (shardEpoch < shard.epoch) throw staleEpoch(shard, `shardEpoch is ${shardEpoch}`);
  if (shard.state === "closed") throw staleEpoch(shard, "the shard is closed");
  if (isUnopenedShard(shard)) {
    throw new StreamError("unavailable", `group ${shard.groupId} does not serve yet`);
  }
}

/** @throws StreamError `not-found` while the shard's stream is deleted. */
export function requireKept({ state, streamName }: Shard): void {
  if (state !== "deleting") return;
  throw new StreamError("not-found", `stream ${streamName} is being deleted`);
}

function staleEpoch(shard: Shard, what: string): StreamError {
  return new StreamError("stale-epoch", `${what}, group ${shard.groupId} is at ${shard.epoch}`, {
    hint: { shardEpoch: shard.epoch },
  });
}

export function notLeader(
  { view }: Pick<BrokerContext, "view">,
  group: Pick<ShardGroup, "groupId" | "term" | "leaderNodeId">,
): StreamError {
  const { leaderNodeId, term, groupId } = group;
  const leaderAddress =
    leaderNodeId === undefined ? undefined : view.node(leaderNodeId)?.addresses.data;
  return new StreamError(
    "not-leader",
    leaderNodeId === undefined
      ? `this node does not lead group ${groupId} and knows no leader`
      : `node ${leaderNodeId} leads group ${groupId}`,
    {
      hint: {
        term,
        ...(leaderNodeId === undefined ? {} : { leaderNodeId }),
        ...(leaderAddress === undefined ? {} : { leaderAddress }),
      },
    },
  );
}
