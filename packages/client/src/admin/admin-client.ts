/**
 * Changes to the cluster, carried out by the coordinator's leader.
 *
 * Each change resolves only when the own copy of metadata shows it, so that a caller reads its own
 * writes without asking for a barrier.
 *
 * What sets a value is asked for once (S12): a request that is repeated because its answer was lost
 * would write over what somebody else has set meanwhile. Only what a process says of itself is repeated.
 */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { PlacementPolicy } from "@millrace/model";
import { CoordinatorService, NodeService } from "@millrace/proto";
import type { RebalanceResponse, StatusResponse } from "@millrace/proto";
import type { ControlMethod } from "@millrace/rpc";

import type { CoordinatorCalls } from "../link/coordinator-calls.ts";
import type { UnaryPort } from "../link/unary-port.ts";
import type { ViewWaiter } from "../metadata/view-waiter.ts";
import type {
  CreateAccessKey,
  CreateStream,
  DeleteStream,
  FormCluster,
  HeartbeatAnswer,
  MergeShards,
  NodeHeartbeat,
  RegisterNode,
  ReportReplicas,
  SplitShard,
  StreamName,
  UpdateLimits,
  UpdateRetention,
  UpdateTags,
} from "./admin-types.ts";

export interface AdminClientDeps {
  readonly clock: Clock;
  readonly calls: CoordinatorCalls;
  readonly unary: UnaryPort;
  readonly waiter: ViewWaiter;
}

/** How long a change may take when its caller says nothing, milliseconds. */
const DEADLINE_MS = 10_000;
const HEARTBEAT_DEADLINE_MS = 2000;

/**
 * Every method takes a deadline in milliseconds from now.
 *
 * @throws StreamError what the coordinator answers (`invalid-argument`, `not-found`, `already-exists`,
 *   `wrong-state`, `limit-exceeded`, `permission-denied`), `unavailable` when nothing was changed,
 *   `indeterminate` when it may have been.
 */
export class AdminClient {
  readonly #deps: AdminClientDeps;

  constructor(deps: AdminClientDeps) {
    this.#deps = deps;
  }

  /** Resolves when the stream exists, in status CREATING or later. */
  createStream(request: CreateStream, deadlineMs = DEADLINE_MS): Promise<void> {
    const { streamMode = "PROVISIONED", maxRecordSizeKib = 1024, replicationFactor = 0 } = request;
    const full = {
      ...request,
      tags: { ...request.tags },
      streamMode,
      maxRecordSizeKib,
      replicationFactor,
    };
    return this.#change(CoordinatorService.CreateStream, full, deadlineMs, false);
  }

  /** Resolves when the stream is in status DELETING or gone. */
  deleteStream(request: DeleteStream, deadlineMs = DEADLINE_MS): Promise<void> {
    return this.#change(CoordinatorService.DeleteStream, request, deadlineMs, false);
  }

  updateRetention(request: UpdateRetention, deadlineMs = DEADLINE_MS): Promise<void> {
    return this.#change(CoordinatorService.UpdateRetention, request, deadlineMs, false);
  }

  updateTags(request: UpdateTags, deadlineMs = DEADLINE_MS): Promise<void> {
    const { account, streamName, set = {}, remove = [] } = request;
    const full = { account, streamName, set: { ...set }, remove: [...remove] };
    return this.#change(CoordinatorService.UpdateTags, full, deadlineMs, false);
  }

  /**
   * Lets two shards take over from one. Resolves when the stream is UPDATING, with the indexes of the
   * children, the lower range first; they take records when the stream is ACTIVE again.
   *
   * @throws StreamError `wrong-state` while the stream is not ACTIVE.
   */
  splitShard(request: SplitShard, deadlineMs = DEADLINE_MS): Promise<readonly number[]> {
    const { startingHashKey, ...target } = request;
    const full = { ...target, newStartingHashKey: startingHashKey?.toString() ?? "" };
    return this.#reshard(CoordinatorService.SplitShard, full, deadlineMs);
  }

  /** Lets one shard take over from two neighbours; otherwise as `splitShard`. */
  mergeShards(request: MergeShards, deadlineMs = DEADLINE_MS): Promise<readonly number[]> {
    return this.#reshard(CoordinatorService.MergeShards, request, deadlineMs);
  }

  /** Takes back the split or merge of a stream. @throws StreamError `wrong-state` when it is too late, or there is none. */
  cancelReshard(request: StreamName, deadlineMs = DEADLINE_MS): Promise<void> {
    return this.#change(CoordinatorService.CancelReshard, request, deadlineMs, false);
  }

  createAccessKey(request: CreateAccessKey, deadlineMs = DEADLINE_MS): Promise<void> {
    return this.#change(CoordinatorService.CreateAccessKey, request, deadlineMs, false);
  }

  updateLimits(request: UpdateLimits, deadlineMs = DEADLINE_MS): Promise<void> {
    return this.#change(CoordinatorService.UpdateLimits, request, deadlineMs, false);
  }

  /** Takes a node out of service, or back into it. Takes the cluster secret. */
  setNodeGoal(
    nodeId: number,
    goal: "serve" | "drain" | "decommission",
    deadlineMs = DEADLINE_MS,
  ): Promise<void> {
    return this.#change(CoordinatorService.SetNodeGoal, { nodeId, goal }, deadlineMs, false);
  }

  /** Sets how the cluster looks after its replicas; what is not named stays. Takes the cluster secret. */
  updatePlacementPolicy(policy: Partial<PlacementPolicy>, deadlineMs = DEADLINE_MS): Promise<void> {
    const settings = { ...policy };
    return this.#change(CoordinatorService.UpdatePlacementPolicy, { settings }, deadlineMs, false);
  }

  /**
   * Evens out replicas and leaders, shows what that would take (`plan`), or ends it. Takes the
   * cluster secret. Resolves with what is left to do.
   */
  async rebalance(
    action: "plan" | "start" | "cancel",
    deadlineMs = DEADLINE_MS,
  ): Promise<RebalanceResponse> {
    const rules = { deadlineMs, repeatable: action === "plan" };
    return this.#deps.calls.call(CoordinatorService.Rebalance, { action }, rules);
  }

  /** Resolves with the cluster's id, when metadata shows the node. */
  async registerNode(
    request: RegisterNode,
    deadlineMs = DEADLINE_MS,
  ): Promise<{ readonly clusterId: string }> {
    const full = { ...request, roles: [...request.roles] };
    const rules = { deadlineMs, repeatable: true };
    const endsAtMs = this.#deps.clock.monotonicMs() + deadlineMs;
    const reply = await this.#deps.calls.call(CoordinatorService.RegisterNode, full, rules);
    await this.#reached(reply.metadataIndex, endsAtMs);
    return { clusterId: reply.clusterId };
  }

  async heartbeat(
    request: NodeHeartbeat,
    deadlineMs = HEARTBEAT_DEADLINE_MS,
  ): Promise<HeartbeatAnswer> {
    const rules = { deadlineMs, repeatable: true };
    const reply = await this.#deps.calls.call(CoordinatorService.Heartbeat, request, rules);
    return { nowMs: reply.nowMs, registerAgain: reply.registerAgain };
  }

  reportReplicas(request: ReportReplicas, deadlineMs = DEADLINE_MS): Promise<void> {
    const replicas = request.replicas.map((each) => ({ leading: false, removed: false, ...each }));
    const full = { ...request, replicas };
    return this.#change(CoordinatorService.ReportReplicas, full, deadlineMs, true);
  }

  /** Asks one voter, by the address of its `rpc` port, to form the cluster; repeating it is harmless. */
  async formCluster(
    address: string,
    request: FormCluster,
    deadlineMs = DEADLINE_MS,
  ): Promise<void> {
    const full = {
      ...request,
      voters: request.voters.map((voter) => ({ ...voter })),
      sealedSecret: Buffer.from(request.sealedSecret),
      sealedTokenKey: Buffer.from(request.sealedTokenKey),
    };
    await this.#deps.unary.call(address, CoordinatorService.FormCluster, full, deadlineMs);
  }

  /** What the process behind `address` (its `rpc` port) says of itself. */
  nodeStatus(address: string, deadlineMs = HEARTBEAT_DEADLINE_MS): Promise<StatusResponse> {
    return this.#deps.unary.call(address, NodeService.Status, {}, deadlineMs);
  }

  async #reshard<
    Request,
    Reply extends { readonly metadataIndex: number; readonly childShardIndexes: readonly number[] },
  >(
    method: ControlMethod<Request, Reply>,
    request: Request,
    deadlineMs: number,
  ): Promise<readonly number[]> {
    const endsAtMs = this.#deps.clock.monotonicMs() + deadlineMs;
    const reply = await this.#deps.calls.call(method, request, { deadlineMs, repeatable: false });
    await this.#reached(reply.metadataIndex, endsAtMs);
    return reply.childShardIndexes;
  }

  async #change<Request, Reply extends { readonly metadataIndex: number }>(
    method: ControlMethod<Request, Reply>,
    request: Request,
    deadlineMs: number,
    repeatable: boolean,
  ): Promise<void> {
    const endsAtMs = this.#deps.clock.monotonicMs() + deadlineMs;
    const reply = await this.#deps.calls.call(method, request, { deadlineMs, repeatable });
    await this.#reached(reply.metadataIndex, endsAtMs);
  }

  async #reached(index: number, endsAtMs: number): Promise<void> {
    const leftMs = Math.max(0, endsAtMs - this.#deps.clock.monotonicMs());
    try {
      await this.#deps.waiter.reach(index, leftMs);
    } catch (error) {
      throw new StreamError(
        "indeterminate",
        `the change was made at metadata index ${index}, but this process does not see it yet`,
        { cause: error },
      );
    }
  }
}
