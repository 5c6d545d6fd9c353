/**
 * The broker of one process: shard replicas on the process's lane, what callers ask of them, and the
 * work that nobody asks for: following the metadata, reporting, trimming.
 */
import type { Clock, Logger, Metrics, Random } from "@millrace/base";
import { sleep, StreamError } from "@millrace/base";
import type { Crc32, MetadataView, Principal } from "@millrace/model";
import type { GroupStatus, LocateRequest, LocateResponse } from "@millrace/proto";

import { brokerMetrics } from "./broker-metrics.ts";
import type { BrokerContext } from "./context.ts";
import { DiskReads } from "./disk-reads.ts";
import { serveAppendStream } from "./handlers/append-stream.ts";
import { serveFetchStream } from "./handlers/fetch-stream.ts";
import { groupStatuses } from "./handlers/group-statuses.ts";
import { answerLocate } from "./handlers/locate.ts";
import type { BrokerLane, GroupInit, MessageStream, ShardGroup } from "./ports.ts";
import { Reconciler } from "./reconcile.ts";
import type { LeaderTiming } from "./reconcile-leaders.ts";
import { LEADER_TIMING_DEFAULT, LeaderReconciler } from "./reconcile-leaders.ts";
import type { SendReports } from "./replica-reports.ts";
import { ReplicaReports } from "./replica-reports.ts";
import { Sealer } from "./sealer.ts";
import { HostedShard } from "./shard/hosted-shard.ts";
import { Shards } from "./shards.ts";
import { Trimmer } from "./trimmer.ts";
import { TurnQueue } from "./turn-queue.ts";

/** How often `drain` looks whether the last put was answered. */
const DRAIN_LOOK_MS = 10;

export interface BrokerOptions {
  readonly lane: BrokerLane;
  /** Fed by the metadata tail. Not ready means that every call is answered `unavailable`. */
  readonly view: MetadataView;
  readonly nodeId: number;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32: Crc32;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** CoordinatorService.ReportReplicas at the coordinator's leader. */
  readonly report: SendReports;
  /** When leaderships go back to where metadata wants them. */
  readonly leaders?: Partial<LeaderTiming>;
}

export interface BrokerHandlers {
  /** DataService.Append on the hot server. `call.principal` is a `Principal`. */
  appendStream(stream: MessageStream, call: CallIdentity): void;
  /** DataService.Fetch on the hot server. */
  fetchStream(stream: MessageStream, call: CallIdentity): void;
  /** NodeService.Locate. @throws StreamError */
  locate(request: LocateRequest, principal: Principal): Promise<LocateResponse>;
  /** All groups of the lane, for NodeService.Status. */
  groupStatuses(): readonly GroupStatus[];
}

/** The part of a call that says who calls; what `authenticate` of the server returned. */
export interface CallIdentity {
  readonly principal?: unknown;
}

export class Broker {
  readonly handlers: BrokerHandlers;
  readonly #options: BrokerOptions;
  readonly #context: BrokerContext;
  readonly #shards: Shards;
  readonly #reports: ReplicaReports;
  readonly #reconciler: Reconciler;
  readonly #leaders: LeaderReconciler;
  readonly #sealer: Sealer;
  readonly #trimmer: Trimmer;
  #diskFull = false;

  constructor(options: BrokerOptions) {
    const { lane, view, nodeId, incarnation, clock, logger } = options;
    this.#options = options;
    this.#context = {
      nodeId,
      view,
      clock,
      crc32: options.crc32,
      logger,
      metrics: brokerMetrics(options.metrics),
      turn: new TurnQueue(clock),
      disk: new DiskReads(),
      diskFull: () => this.#diskFull,
    };
    this.#shards = new Shards(this.#context);
    this.#reports = new ReplicaReports(clock, options.random, logger, options.report);
    this.#trimmer = new Trimmer(this.#context, this.#shards);
    const seals = new ReplicaReports(clock, options.random, logger, options.report);
    this.#sealer = new Sealer(this.#context, this.#shards, seals);
    this.#reconciler = new Reconciler({
      view,
      lane,
      nodeId,
      incarnation,
      clock,
      logger,
      reports: this.#reports,
      isLeading: (groupId) => this.#shards.get(groupId)?.group.isReadyLeader ?? false,
      stopServing: (groupId) => {
        const damaged = lane.damaged().find((one) => one.groupId === groupId);
        this.#shards.remove(groupId, damaged?.reason);
      },
      unknownReplicas: this.#context.metrics.unknownReplicas,
    });
    const timing = { ...LEADER_TIMING_DEFAULT, ...options.leaders };
    this.#leaders = new LeaderReconciler({ view, lane, nodeId, clock, logger, timing });
    this.handlers = this.#makeHandlers();
  }

  /** For the lane's `createStateMachine`, for groups of kind `shard`. */
  stateMachineFor(group: ShardGroup, init: Pick<GroupInit, "groupId" | "kind">): HostedShard {
    if (init.kind !== "shard") {
      throw new StreamError("internal", `group ${init.groupId} is of kind ${init.kind}, not shard`);
    }
    const hosted = new HostedShard(this.#context, group, {
      roleChanged: () => this.#roleChanged(init.groupId),
      // The lane tells of it in the middle of its own turn.
      sealed: () => this.#context.clock.soon(() => this.#sealer.changed(init.groupId)),
    });
    this.#shards.add(hosted);
    return hosted;
  }

  /** Begins to follow the metadata. The lane has started, so that groups on disk are known. */
  start(): void {
    this.#reconciler.start();
    this.#sealer.start();
    this.#leaders.start();
    this.#trimmer.start();
  }

  /** While true puts are answered `disk-full`; reads and trims go on. */
  setDiskFull(diskFull: boolean): void {
    this.#diskFull = diskFull;
  }

  /**
   * Ends long polls and waits, at most `deadlineMs`, until every accepted put is answered. Called
   * before the lane hands its leaderships away and the hot server closes.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + deadlineMs;
    this.#shards.drain();
    const busy = () => this.#shards.all.some(({ appends }) => appends.unanswered > 0);
    while (busy() && clock.monotonicMs() < untilMs) {
      await sleep(clock, DRAIN_LOOK_MS);
    }
  }

  /** Stops what the broker does on its own; the lane is stopped by its owner. */
  stop(): void {
    this.#reconciler.stop();
    this.#sealer.stop();
    this.#leaders.stop();
    this.#trimmer.stop();
    this.#reports.stop();
  }

  #roleChanged(groupId: number): void {
    // The lane tells of the change in the middle of its own turn.
    this.#context.clock.soon(() => {
      this.#reconciler.roleChanged(groupId);
      this.#sealer.changed(groupId);
    });
  }

  #makeHandlers(): BrokerHandlers {
    const shards = this.#shards;
    return {
      appendStream: (stream, call) => serveAppendStream(shards, stream, principalOf(call)),
      fetchStream: (stream, call) => serveFetchStream(shards, stream, principalOf(call)),
      locate: async (request, principal) => answerLocate(shards, request, principal),
      groupStatuses: () => groupStatuses(this.#options.view, [...this.#options.lane.groups()]),
    };
  }
}

export function createBroker(options: BrokerOptions): Broker {
  return new Broker(options);
}

/** @throws StreamError `unauthenticated` when the server mounted the handler without authentication. */
function principalOf(call: CallIdentity): Principal {
  const { principal } = call;
  if (typeof principal === "object" && principal !== null && "kind" in principal) {
    return principal as Principal; // made by verifyCall of @millrace/model alone
  }
  throw new StreamError("unauthenticated", "the call carries no principal");
}
