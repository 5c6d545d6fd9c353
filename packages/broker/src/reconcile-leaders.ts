/**
 * Brings leaderships to where metadata wants them.
 *
 * After restarts and failures leaders lie where elections left them, and one broker carries what
 * three should. Each leader looks after its own groups, so nobody needs a picture of the whole; a
 * leadership goes to the first replica in the placement's list, which placement has spread evenly. A
 * node that is to be drained gives all of them away.
 *
 * What did not work once is left alone for a while: a node that is alive but cannot take over would
 * otherwise stop its groups again and again.
 *
 * Source: reference G.13.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import { METADATA_GROUP_ID } from "@millrace/base";
import type { GroupPlacement, MetadataView } from "@millrace/model";

import type { BrokerLane, LaneGroup } from "./ports.ts";

export interface LeaderTiming {
  /** Between looks at the leaderships of this node. @default 30_000 */
  readonly balanceMs: number;
  /** A node that did not take over gets nothing for so long. @default 300_000 */
  readonly nodeMutedMs: number;
  /** A group that was handed over stays where it is for so long. @default 60_000 */
  readonly groupMutedMs: number;
  /** Leaderships that are handed over in one look. @default 4 */
  readonly transfersMax: number;
}

export const LEADER_TIMING_DEFAULT: LeaderTiming = {
  balanceMs: 30_000,
  nodeMutedMs: 5 * 60_000,
  groupMutedMs: 60_000,
  transfersMax: 4,
};

/** A draining node looks more often, and hands over as many as it has. */
const DRAIN_LOOK_MS = 500;
/** A transfer ends within an election timeout, or never. */
const TRANSFER_MS_MAX = 3_000;

export interface LeaderReconcilerOptions {
  readonly view: MetadataView;
  readonly lane: BrokerLane;
  readonly nodeId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timing: LeaderTiming;
}

interface Handover {
  readonly toNodeId: number;
  readonly atMs: number;
}

export class LeaderReconciler {
  readonly #options: LeaderReconcilerOptions;
  /** By group; bounded by the groups that this node has led. */
  readonly #handovers = new Map<number, Handover>();
  readonly #nodeMutedUntilMs = new Map<number, number>();
  #timer: Timer | undefined;
  #lookedMs = -Infinity;

  constructor(options: LeaderReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.schedule(DRAIN_LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock, timing } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!this.#serves(this.#options.nodeId)) {
      this.#handOver(Infinity, nowMs);
    } else if (nowMs - this.#lookedMs >= timing.balanceMs) {
      this.#lookedMs = nowMs;
      this.#handOver(timing.transfersMax, nowMs);
    }
  }

  #handOver(atMost: number, nowMs: number): void {
    const { lane, logger, nodeId } = this.#options;
    this.#judge(nowMs);
    let count = 0;
    for (const { groupId } of lane.groups()) {
      if (count >= atMost) return;
      const group = lane.group(groupId);
      const placed = this.#placement(groupId);
      if (group?.isReadyLeader !== true || placed === undefined) continue;
      const heir = this.#heir(group, placed, nowMs);
      if (heir === undefined) continue;
      count += 1;
      this.#handovers.set(groupId, { toNodeId: heir.nodeId, atMs: nowMs });
      logger.info("A leadership is handed over", { groupId, from: nodeId, to: heir.nodeId });
      group.transferLeadership(heir.replicaId);
    }
  }

  /** A group that is still led here a while after it was handed over was not taken. */
  #judge(nowMs: number): void {
    const { lane, logger, timing } = this.#options;
    for (const [groupId, { toNodeId, atMs }] of this.#handovers) {
      if (nowMs - atMs >= timing.groupMutedMs) this.#handovers.delete(groupId);
      if (nowMs - atMs < TRANSFER_MS_MAX || this.#isMuted(toNodeId, nowMs)) continue;
      if (lane.group(groupId)?.isReadyLeader !== true) continue;
      this.#handovers.delete(groupId);
      this.#nodeMutedUntilMs.set(toNodeId, nowMs + timing.nodeMutedMs);
      logger.warn("A node did not take a leadership and gets none for a while", {
        groupId,
        toNodeId,
      });
    }
  }

  /** Who should lead the group instead of this node. */
  #heir(
    { membership }: LaneGroup,
    { groupId, replicas, move }: GroupPlacement,
    nowMs: number,
  ): { readonly replicaId: number; readonly nodeId: number } | undefined {
    const { lane, nodeId } = this.#options;
    // The leader of a move has its own reasons for handing over.
    if (move !== undefined || this.#handovers.has(groupId)) return undefined;
    for (const replica of replicas) {
      // All that come later in the list are wanted less than this node.
      if (replica.nodeId === nodeId && this.#serves(nodeId)) return undefined;
      const mayLead =
        replica.nodeId !== nodeId &&
        replica.state === "created" &&
        membership.voters.includes(replica.replicaId) &&
        this.#serves(replica.nodeId) &&
        !this.#isMuted(replica.nodeId, nowMs) &&
        lane.isNodeLive(replica.nodeId);
      if (mayLead) return replica;
      if (this.#serves(nodeId)) return undefined; // it leads as well as any but the first
    }
    return undefined;
  }

  /** Takes leaderships: neither the process nor a person says otherwise. */
  #serves(nodeId: number): boolean {
    const node = this.#options.view.node(nodeId);
    return node === undefined || (node.state === "active" && (node.goal ?? "serve") === "serve");
  }

  #isMuted(nodeId: number, nowMs: number): boolean {
    return nowMs < (this.#nodeMutedUntilMs.get(nodeId) ?? 0);
  }

  #placement(groupId: number): GroupPlacement | undefined {
    const { view, nodeId } = this.#options;
    if (groupId !== METADATA_GROUP_ID) return view.shardOfGroup(groupId);
    // Wherever the metadata group is led is as good as any other place, but for a drained node.
    return this.#serves(nodeId) ? undefined : view.cluster()?.metadataGroup;
  }
}
