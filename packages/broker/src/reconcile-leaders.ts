/**
 * Brings leaderships to where metadata wants them.
 *
 * After restarts and failures leaders lie where elections left them, and one broker carries what
 * three should. Each leader looks after its own groups, so nobody needs a picture of the whole; a
 * leadership goes to the first replica in the placement's list, which placement has spread evenly. A
 * node that is to be drained gives all of them away.
 *
 * What did not work once is left alone for a while: a node that is alive but cannot take over would
 * otherwise stop its groups again and again, and one that fails over and over would take them with it.
 *
 * Source: reference G.13.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import { METADATA_GROUP_ID } from "@millrace/base";
import type { GroupPlacement, MetadataView, NodeRecord } from "@millrace/model";

import type { BrokerLane, LaneGroup } from "./ports.ts";

export interface LeaderTiming {
  /** Between looks at the leaderships of this node. @default 30_000 */
  readonly balanceMs: number;
  /** A node that did not take over, or that failed, gets nothing for so long. @default 300_000 */
  readonly nodeMutedMs: number;
  /** A group that was handed over stays where it is for so long. @default 60_000 */
  readonly groupMutedMs: number;
  /** Leaderships that are handed over at one time, but by a node that is drained. @default 4 */
  readonly transfersMax: number;
}

export const LEADER_TIMING_DEFAULT: LeaderTiming = {
  balanceMs: 30_000,
  nodeMutedMs: 5 * 60_000,
  groupMutedMs: 60_000,
  transfersMax: 4,
};

/** A draining node looks more often, and hands over as many as it has. */
const LOOK_MS = 500;
/** Entries that the next leader may lack: it gets them before it leads, and puts wait for that. */
const ENTRIES_BEHIND_MAX = 128;
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
  /** Nodes that were there at the last look, and until when those that failed since are muted. */
  readonly #live = new Set<number>();
  readonly #failedUntilMs = new Map<number, number>();
  /** As of an index of the metadata: listing them means to go through all of it. */
  #nodes: readonly NodeRecord[] = [];
  #nodesAtIndex = -1;
  #timer: Timer | undefined;
  #lookedMs = -Infinity;

  constructor(options: LeaderReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.schedule(LOOK_MS, () => {
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
    this.#watchNodes(nowMs);
    if (!this.#serves(this.#options.nodeId)) {
      this.#judge(nowMs);
      this.#handOver(Infinity, nowMs);
    } else if (nowMs - this.#lookedMs >= timing.balanceMs) {
      this.#judge(nowMs);
      const atMost = timing.transfersMax - this.#underWay(nowMs);
      // While there is more than may be handed over at one time, the next look is soon.
      if (this.#handOver(atMost, nowMs) < atMost) this.#lookedMs = nowMs;
    }
  }

  /** A node that goes without having said so has failed, and may do so again. */
  #watchNodes(nowMs: number): void {
    const { lane, timing, view } = this.#options;
    if (view.index !== this.#nodesAtIndex) {
      this.#nodesAtIndex = view.index;
      this.#nodes = view.list("node");
    }
    for (const { nodeId, state } of this.#nodes) {
      if (lane.isNodeLive(nodeId)) this.#live.add(nodeId);
      else if (this.#live.delete(nodeId) && state === "active") {
        this.#failedUntilMs.set(nodeId, nowMs + timing.nodeMutedMs);
      }
    }
  }

  /** Handed over, and neither taken nor given up. */
  #underWay(nowMs: number): number {
    const { lane } = this.#options;
    let count = 0;
    for (const [groupId, { atMs }] of this.#handovers) {
      if (nowMs - atMs < TRANSFER_MS_MAX && lane.group(groupId)?.isReadyLeader === true) count += 1;
    }
    return count;
  }

  /** Returns how many were handed over. */
  #handOver(atMost: number, nowMs: number): number {
    const { lane, logger, nodeId } = this.#options;
    let count = 0;
    for (const { groupId } of lane.groups()) {
      if (count >= atMost) return count;
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
    return count;
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
    group: LaneGroup,
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
        group.membership.voters.includes(replica.replicaId) &&
        (group.entriesBehind(replica.replicaId) ?? Infinity) <= ENTRIES_BEHIND_MAX &&
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
    // A node that must give all away takes what there is: a failure of then is better than an end of now.
    const failedUntilMs = this.#serves(this.#options.nodeId) ? this.#failedUntilMs.get(nodeId) : 0;
    return nowMs < Math.max(this.#nodeMutedUntilMs.get(nodeId) ?? 0, failedUntilMs ?? 0);
  }

  #placement(groupId: number): GroupPlacement | undefined {
    const { view, nodeId } = this.#options;
    if (groupId !== METADATA_GROUP_ID) return view.shardOfGroup(groupId);
    // Wherever the metadata group is led is as good as any other place, but for a drained node.
    return this.#serves(nodeId) ? undefined : view.cluster()?.metadataGroup;
  }
}
