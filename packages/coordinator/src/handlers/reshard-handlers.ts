/** Splits and merges, as administrators and gateways ask for them, and brokers' word on seals. */
import type { Clock } from "@millrace/base";
import { asStreamError, safeInteger, StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";
import { hashKey, SHARD_INDEX_MAX } from "@millrace/model";
import type {
  CancelReshardRequest,
  CancelReshardResponse,
  MergeShardsRequest,
  MergeShardsResponse,
  ReplicaReport,
  SplitShardRequest,
  SplitShardResponse,
} from "@millrace/proto";

import type { BrokerLoads } from "../broker-loads.ts";
import type { Proposer } from "../proposer.ts";
import type { StartReshardCommand } from "../state/command.ts";
import type { MetadataState } from "../state/metadata-state.ts";
import { requireAccount } from "./authorize.ts";
import { requireAccountId, requireStreamName } from "./checks.ts";

export interface ReshardHandlersDeps {
  readonly clock: Clock;
  readonly state: MetadataState;
  readonly proposer: Proposer;
  readonly loads: BrokerLoads;
}

/**
 * SplitShard: the stream is UPDATING when this returns, and ACTIVE when its children are open.
 *
 * @throws StreamError `not-found`; `wrong-state` while the stream is not ACTIVE; `invalid-argument` for a
 * closed shard or a hash key that is not inside its range; `limit-exceeded`; `unavailable`.
 */
export function splitShard(
  deps: ReshardHandlersDeps,
  request: SplitShardRequest,
  principal: Principal,
): Promise<SplitShardResponse> {
  const target = requireTarget(request, principal);
  const parent = shardIndex("shardIndex", request.shardIndex);
  const { newStartingHashKey: at } = request;
  const split = at === "" ? {} : { startingHashKey: requireHashKey(at) };
  return startReshard(deps, { ...target, ...split, parentShardIndexes: [parent] }, 2);
}

/** MergeShards: as SplitShard. @throws StreamError also `invalid-argument` for two that are not neighbours. */
export function mergeShards(
  deps: ReshardHandlersDeps,
  request: MergeShardsRequest,
  principal: Principal,
): Promise<MergeShardsResponse> {
  const target = requireTarget(request, principal);
  const lower = shardIndex("shardIndex", request.shardIndex);
  const upper = shardIndex("adjacentShardIndex", request.adjacentShardIndex);
  return startReshard(deps, { ...target, parentShardIndexes: [lower, upper] }, 1);
}

async function startReshard(
  { clock, state, proposer, loads }: ReshardHandlersDeps,
  order: Omit<StartReshardCommand, "kind" | "streamId" | "nowMs" | "brokers" | "placements">,
  children: number,
): Promise<SplitShardResponse> {
  const { account, streamName, parentShardIndexes } = order;
  proposer.requireLeader();
  const streamId = state.view.stream(account, streamName)?.streamId ?? "";
  const [parent] = parentShardIndexes;
  const replicas = state.view.shard(streamId, parent ?? -1)?.replicas.length ?? 0;
  const placement = loads.place(children, replicas);
  try {
    const { brokers, placements } = placement;
    const nowMs = clock.nowMs();
    const where = { streamId, nowMs, brokers, placements };
    const metadataIndex = await proposer.propose({ kind: "start-reshard", ...order, ...where });
    const reshard = state.view.stream(account, streamName)?.reshard;
    return { metadataIndex, childShardIndexes: [...(reshard?.childShardIndexes ?? [])] };
  } finally {
    placement.release();
  }
}

/** CancelReshard. @throws StreamError `wrong-state` when nothing is under way, or a parent is being sealed. */
export async function cancelReshard(
  { clock, proposer }: ReshardHandlersDeps,
  request: CancelReshardRequest,
  principal: Principal,
): Promise<CancelReshardResponse> {
  const target = requireTarget(request, principal);
  const nowMs = clock.nowMs();
  const command = { kind: "cancel-reshard", ...target, streamId: "", nowMs } as const;
  return { metadataIndex: await proposer.propose(command) };
}

/**
 * Brokers on seals that were applied. One that this node does not know of goes through the log all the same: the
 * broker may have it from a leader that has applied more, and says it again only after a while.
 */
export async function reportSeals(
  { clock, state, proposer }: Pick<ReshardHandlersDeps, "clock" | "state" | "proposer">,
  reports: readonly ReplicaReport[],
): Promise<void> {
  for (const report of reports) {
    if (report.sealedEpoch === 0 || isRecorded(state, report.groupId)) continue;
    const command = {
      kind: "report-seal",
      groupId: safeInteger("groupId", report.groupId, 1),
      epoch: safeInteger("sealedEpoch", report.sealedEpoch, 1),
      endOffset: safeInteger("endOffset", report.endOffset),
      lastArrivalMs: safeInteger("lastArrivalMs", report.lastArrivalMs),
      nowMs: clock.nowMs(),
    } as const;
    try {
      await proposer.propose(command);
    } catch (error) {
      // A seal that was never ordered must not hold up the other reports of the call.
      if (asStreamError(error).code !== "wrong-state") throw error;
    }
  }
}

function isRecorded({ view }: MetadataState, groupId: number): boolean {
  const shard = view.shardOfGroup(groupId);
  return shard?.state === "closed" || shard?.seal?.endOffset !== undefined;
}

function requireTarget(
  request: { readonly account: string; readonly streamName: string },
  principal: Principal,
): { readonly account: string; readonly streamName: string } {
  const account = requireAccountId(request.account);
  requireAccount(principal, account);
  return { account, streamName: requireStreamName(request.streamName) };
}

function shardIndex(field: string, value: number): number {
  return safeInteger(field, value, 0, SHARD_INDEX_MAX);
}

function requireHashKey(value: string): string {
  if (/^(0|[1-9]\d{0,38})$/.test(value)) return hashKey(BigInt(value)).toString();
  throw new StreamError(
    "invalid-argument",
    `newStartingHashKey is ${value}, but must be a decimal number in 0..2^128-1`,
  );
}
