/** Evening out on request: the plan is shown, started, or ended; the leader's steps carry it out. */
import type { Clock } from "@millrace/base";
import type { Principal } from "@millrace/model";
import type { RebalanceRequest, RebalanceResponse } from "@millrace/proto";

import type { NodeLiveness } from "../liveness.ts";
import type { Proposer } from "../proposer.ts";
import { PLAN_MOVES_MAX, planRebalance } from "../rebalance.ts";
import type { MetadataState } from "../state/metadata-state.ts";
import { requireCluster } from "./authorize.ts";
import { requireOneOf } from "./checks.ts";

export interface RebalanceDeps {
  readonly clock: Clock;
  readonly state: MetadataState;
  readonly proposer: Proposer;
  readonly liveness: NodeLiveness;
}

/**
 * Rebalance: the reply shows what is left to do after `action` was committed.
 *
 * `cancel` also takes back the moves under way, as far as their new replicas do not vote yet.
 */
export async function rebalance(
  { clock, state, proposer, liveness }: RebalanceDeps,
  request: RebalanceRequest,
  principal: Principal,
): Promise<RebalanceResponse> {
  requireCluster(principal, "Rebalance");
  const action = requireOneOf("action", request.action, ["plan", "start", "cancel"]);
  proposer.requireLeader();
  let metadataIndex = state.view.index;
  if (action !== "plan") {
    const on = action === "start";
    metadataIndex = await proposer.propose({ kind: "set-rebalancing", on, nowMs: clock.nowMs() });
  }
  const isAlive = (nodeId: number, incarnation: string): boolean =>
    liveness.stateOf(nodeId, incarnation) !== undefined;
  const { moves, leaders } = planRebalance(state, isAlive, PLAN_MOVES_MAX);
  const moving = [...state.unsettledGroups.values()].filter(({ move }) => move !== undefined);
  return {
    metadataIndex,
    running: state.view.cluster()?.rebalancingSinceMs !== undefined,
    moves: moves.map(({ streamName, shardIndex, groupId, fromNodeId, add }) => {
      return { streamName, shardIndex, groupId, fromNodeId, toNodeId: add.nodeId };
    }),
    leaderChanges: leaders.length,
    moving: moving.length,
  };
}
