/** One shard on a hand-driven group, with the calls that a caller makes. */
import { crc32 } from "node:zlib";

import type { Metrics } from "@millrace/base";
import { NO_METRICS, SILENT_LOGGER, StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import type { MetadataView, Principal } from "@millrace/model";

import { brokerMetrics } from "../broker-metrics.ts";
import type { BrokerContext } from "../context.ts";
import { DiskReads } from "../disk-reads.ts";
import type { ShardGroup } from "../ports.ts";
import type { FetchPage, FetchRequest } from "../shard/fetch-call.ts";
import type { ShardCommand } from "../shard/shard-commands.ts";
import { encodeCommand } from "../shard/shard-commands.ts";
import { HostedShard } from "../shard/hosted-shard.ts";
import type { AppendResult } from "../shard/leader-term.ts";
import { Shards } from "../shards.ts";
import { TurnQueue } from "../turn-queue.ts";
import { CLUSTER, encodeBatch, EPOCH, GROUP_ID, recordTexts, shardView } from "./fixtures.ts";
import type { TestProducer } from "./fixtures.ts";
import { ShardGroupWorld } from "./shard-group-world.ts";
import type { WorldReplica } from "./shard-group-world.ts";

export type AppendOutcome = AppendResult | StreamError | "pending";

const NO_EVENTS = { roleChanged: () => undefined, sealed: () => undefined };

export class ShardBench {
  readonly clock = new VirtualClock();
  readonly view: MetadataView;
  readonly world: ShardGroupWorld;
  diskFull = false;
  readonly #shards = new Map<number, Shards>();
  readonly #contexts = new Map<number, BrokerContext>();
  readonly #metrics: Metrics;

  constructor(nodes = 3, view = shardView(), metrics: Metrics = NO_METRICS) {
    this.view = view;
    this.#metrics = metrics;
    this.world = new ShardGroupWorld(nodes, this.clock, this.host);
    const first = this.world.replicas[0];
    if (first !== undefined) this.world.elect(first);
  }

  readonly host = (group: ShardGroup): HostedShard => {
    const nodeId = group.replicaId - 10;
    const context = this.context(nodeId);
    const hosted = new HostedShard(context, group, NO_EVENTS);
    const shards = new Shards(context);
    shards.add(hosted);
    this.#shards.set(nodeId, shards);
    return hosted;
  };

  get leader(): WorldReplica {
    if (this.world.leader === undefined) throw new Error("there is no leader");
    return this.world.leader;
  }

  context(nodeId: number): BrokerContext {
    const known = this.#contexts.get(nodeId);
    if (known !== undefined) return known;
    const context: BrokerContext = {
      nodeId,
      view: this.view,
      clock: this.clock,
      crc32,
      logger: SILENT_LOGGER,
      metrics: brokerMetrics(this.#metrics),
      turn: new TurnQueue(this.clock),
      disk: new DiskReads(),
      diskFull: () => this.diskFull,
    };
    this.#contexts.set(nodeId, context);
    return context;
  }

  shards(nodeId = this.leader.nodeId): Shards {
    const shards = this.#shards.get(nodeId);
    if (shards === undefined) throw new Error(`there is no node ${nodeId}`);
    return shards;
  }

  /** Sends one batch; the outcome fills in when it comes. */
  put(
    records: readonly string[] | Uint8Array,
    options: {
      readonly producer?: TestProducer;
      readonly node?: number;
      readonly epoch?: number;
      readonly expectedTerm?: number;
      readonly principal?: Principal;
    } = {},
  ): { outcome: AppendOutcome; answers: number } {
    const batch = records instanceof Uint8Array ? records : encodeBatch(records, options.producer);
    const sent: { outcome: AppendOutcome; answers: number } = { outcome: "pending", answers: 0 };
    const request = {
      shardEpoch: options.epoch ?? EPOCH,
      expectedTerm: options.expectedTerm ?? 0,
      batch,
    };
    const principal = options.principal ?? CLUSTER;
    this.shards(options.node).append(GROUP_ID, request, principal, (outcome) => {
      sent.outcome = outcome;
      sent.answers++;
    });
    return sent;
  }

  /** Ends the turn and commits everything proposed. */
  settle(): void {
    this.clock.runSoon();
    this.world.commit();
    this.clock.runSoon();
  }

  /** Commits a command as if a leader had decided it. */
  command(command: ShardCommand): void {
    const at = { baseOffset: this.leader.hosted.state.nextOffset, arrivalMs: this.clock.nowMs() };
    this.leader.propose(encodeCommand(command, at), undefined, () => undefined);
    this.settle();
  }

  seal(epoch = EPOCH + 1): void {
    this.command({ kind: "seal", epoch, childShardIndexes: [1, 2] });
  }

  fetch(
    request: Partial<FetchRequest> = {},
    node = this.leader.nodeId,
    principal: Principal = CLUSTER,
  ): { outcome: FetchPage | StreamError | "pending"; cancel: () => void } {
    const whole = {
      offset: 0,
      maxBytes: 10 * 1024 * 1024,
      maxRecords: 10_000,
      waitMs: 0,
      limited: false,
      ...request,
    };
    const call: { outcome: FetchPage | StreamError | "pending"; cancel: () => void } = {
      outcome: "pending",
      cancel: () => undefined,
    };
    call.cancel = this.shards(node).fetch(GROUP_ID, whole, principal, (outcome) => {
      call.outcome = outcome;
    });
    return call;
  }

  /** Texts of all readable records on a leader, from an offset on. */
  texts(request: Partial<FetchRequest> = {}): readonly string[] {
    const { outcome } = this.fetch(request);
    if (outcome === "pending" || outcome instanceof StreamError) {
      throw new Error(`no page: ${String(outcome)}`);
    }
    return outcome.slices.flatMap((slice) => recordTexts(slice.records));
  }
}

/** The code of a refusal, or what came instead. */
export function codeOf(outcome: unknown): unknown {
  return outcome instanceof StreamError ? outcome.code : outcome;
}
