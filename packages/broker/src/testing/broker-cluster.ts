/** Brokers on real lanes: consensus, storage and group commit underneath, virtual time and network. */
import { crc32 } from "node:zlib";

import { NO_METRICS, StreamError } from "@millrace/base";
import { readEntryMeta } from "@millrace/model";
import type { MetadataChange, MetadataView, ShardRecord } from "@millrace/model";
import type { Group } from "@millrace/replica";
import { LaneCluster } from "@millrace/replica/testing";
import {
  decodeAppendResponse,
  decodeFetchResponse,
  encodeAppendRequest,
  encodeFetchRequest,
} from "@millrace/rpc";

import { createBroker } from "../broker.ts";
import type { Broker } from "../broker.ts";
import type { ReplicaReport } from "../ports.ts";
import type { HostedShard } from "../shard/hosted-shard.ts";
import {
  CLUSTER,
  clusterRecord,
  encodeBatch,
  EPOCH,
  nodeRecord,
  nth,
  recordTexts,
  shardRecord,
  shardView,
  streamRecord,
} from "./fixtures.ts";
import type { TestProducer } from "./fixtures.ts";
import { MessagePipe } from "./message-pipe.ts";

export const FIRST_GROUP = 100;

export class BrokerCluster {
  readonly view: MetadataView = shardView();
  readonly brokers = new Map<number, Broker>();
  readonly reports: ReplicaReport[] = [];
  /** Of the first group, by node. */
  readonly machines = new Map<number, HostedShard>();
  lanes: LaneCluster;
  #requestId = 0;

  private constructor(lanes: LaneCluster) {
    this.lanes = lanes;
  }

  /** Three brokers and `shards` shards, each with a leader that is ready. */
  static async create(shards: number, seed = 1): Promise<BrokerCluster> {
    let cluster: BrokerCluster | undefined;
    const lanes = await LaneCluster.create({
      entryMeta: readEntryMeta,
      seed,
      createStateMachine: (nodeId, group, init) => {
        if (cluster === undefined) throw new Error("a group before its broker");
        const machine = cluster.broker(nodeId).stateMachineFor(group, init);
        if (group.groupId === FIRST_GROUP) cluster.machines.set(nodeId, machine);
        return machine;
      },
    });
    cluster = new BrokerCluster(lanes);
    cluster.view.reset(2, [
      clusterRecord(),
      streamRecord(),
      ...[1, 2, 3].map(nodeRecord),
      ...Array.from({ length: shards }, (_, index) => cluster?.shard(index, "creating")).filter(
        (change) => change !== undefined,
      ),
    ]);
    for (const nodeId of lanes.nodeIds) cluster.broker(nodeId).start();
    const groups = Array.from({ length: shards }, (_, index) => FIRST_GROUP + index);
    await lanes.runUntil(() =>
      groups.every((groupId) =>
        lanes.nodeIds.every((nodeId) => lanes.lane(nodeId).group(groupId) !== undefined),
      ),
    );
    await lanes.electAll(groups);
    const open = Array.from({ length: shards }, (_, index) => cluster.shard(index, "open"));
    cluster.view.apply(3, open);
    return cluster;
  }

  /** Leaders are spread: shard i prefers node i mod 3 + 1. */
  shard(
    index: number,
    state: "creating" | "open" | "deleting",
    fields: Partial<ShardRecord> = {},
  ): MetadataChange {
    const nodes = [0, 1, 2].map((step) => ((index + step) % 3) + 1);
    const groupId = FIRST_GROUP + index;
    return shardRecord({
      shardIndex: index,
      groupId,
      state,
      replicas: nodes.map((nodeId) => ({
        replicaId: groupId * 10 + nodeId,
        nodeId,
        incarnation: `inc${nodeId}`,
        state: state === "creating" ? "creating" : "created",
      })),
      ...fields,
    });
  }

  broker(nodeId: number): Broker {
    const known = this.brokers.get(nodeId);
    if (known !== undefined) return known;
    const broker = createBroker({
      lane: this.lanes.lane(nodeId),
      view: this.view,
      nodeId,
      incarnation: `inc${nodeId}`,
      clock: this.lanes.nodeClock(nodeId),
      random: this.lanes.random,
      crc32,
      logger: this.lanes.logger,
      metrics: NO_METRICS,
      report: async (reports) => {
        this.reports.push(...reports);
      },
    });
    this.brokers.set(nodeId, broker);
    return broker;
  }

  leader(groupId: number): Group {
    const leader = this.lanes.leader(groupId);
    if (leader === undefined) throw new Error(`group ${groupId} has no leader`);
    return leader;
  }

  leaderNode(groupId: number): number {
    const nodeId = this.lanes.leaderNode(groupId);
    if (nodeId === undefined) throw new Error(`group ${groupId} has no leader`);
    return nodeId;
  }

  /** A stream to one broker that puts one record per call. */
  appends(nodeId: number): {
    pipe: MessagePipe;
    put: (groupId: number, text: string, producer?: TestProducer) => number;
  } {
    const pipe = new MessagePipe();
    this.broker(nodeId).handlers.appendStream(pipe, { principal: CLUSTER });
    const put = (groupId: number, text: string, producer?: TestProducer) => {
      const requestId = ++this.#requestId;
      const header = { requestId, groupId, shardEpoch: EPOCH, expectedTerm: 0 };
      pipe.receive(encodeAppendRequest(header, [encodeBatch([text], producer)]));
      return requestId;
    };
    return { pipe, put };
  }

  /** One put at the group's leader, retried under the same sequence as a producer would. */
  async putUntilStored(groupId: number, text: string, sequence: number) {
    for (let attempt = 0; attempt < 50; attempt++) {
      await this.lanes.electAll([groupId]);
      const { pipe, put } = this.appends(this.leaderNode(groupId));
      put(groupId, text, { id: groupId, sequence });
      await this.lanes.runUntil(() => pipe.sent.length > 0);
      const answer = decodeAppendResponse(nth(pipe.sent, 0));
      if (answer.failure === undefined) return answer;
      if (answer.failure.code === "stale-epoch") throw answer.failure;
      await this.lanes.run(50);
    }
    throw new StreamError("deadline", `${text} was not stored`);
  }

  async read(groupId: number, offset = 0): Promise<readonly string[]> {
    const pipe = new MessagePipe();
    const nodeId = this.leaderNode(groupId);
    this.broker(nodeId).handlers.fetchStream(pipe, { principal: CLUSTER });
    const request = { maxBytes: 1_000_000, maxRecords: 10_000, waitMs: 0, limited: false };
    pipe.receive(encodeFetchRequest({ requestId: 1, groupId, offset, ...request }));
    await this.lanes.runUntil(() => pipe.sent.length > 0);
    const page = decodeFetchResponse(nth(pipe.sent, 0));
    if (page.failure !== undefined) throw page.failure;
    return page.slices.flatMap(({ records }) => recordTexts([records]));
  }

  /** The process dies; what was not synced is lost. */
  kill(nodeId: number): void {
    this.broker(nodeId).stop();
    this.brokers.delete(nodeId);
    this.lanes.kill(nodeId);
  }

  /** Starts a dead process from its disk. */
  async revive(nodeId: number): Promise<void> {
    await this.lanes.restart(nodeId);
    this.broker(nodeId).start();
  }

  async restart(nodeId: number): Promise<void> {
    this.kill(nodeId);
    await this.lanes.run(2000);
    await this.revive(nodeId);
  }

  async stop(): Promise<void> {
    for (const broker of this.brokers.values()) broker.stop();
    await this.lanes.stop();
  }
}
