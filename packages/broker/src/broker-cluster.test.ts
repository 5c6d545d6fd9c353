/** Brokers on real lanes: consensus, storage and group commit underneath, virtual time and network. */
import { crc32 } from "node:zlib";

import { NO_METRICS, StreamError } from "@millrace/base";
import { readEntryMeta } from "@millrace/model";
import type { MetadataChange, MetadataView } from "@millrace/model";
import type { Group } from "@millrace/replica";
import { LaneCluster } from "@millrace/replica/testing";
import {
  decodeAppendResponse,
  decodeFetchResponse,
  encodeAppendRequest,
  encodeFetchRequest,
} from "@millrace/rpc";
import { afterEach, describe, expect, it } from "vitest";

import { createBroker } from "./broker.ts";
import type { Broker } from "./broker.ts";
import type { ReplicaReport } from "./ports.ts";
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
} from "./testing/fixtures.ts";
import { MessagePipe } from "./testing/message-pipe.ts";

const FIRST_GROUP = 100;

class BrokerCluster {
  readonly view: MetadataView = shardView();
  readonly brokers = new Map<number, Broker>();
  readonly reports: ReplicaReport[] = [];
  lanes: LaneCluster;
  #requestId = 0;

  private constructor(lanes: LaneCluster) {
    this.lanes = lanes;
  }

  /** Three brokers and `shards` shards, each with a leader that is ready. */
  static async create(shards: number): Promise<BrokerCluster> {
    let cluster: BrokerCluster | undefined;
    const lanes = await LaneCluster.create({
      entryMeta: readEntryMeta,
      createStateMachine: (nodeId, group, init) => {
        if (cluster === undefined) throw new Error("a group before its broker");
        return cluster.broker(nodeId).stateMachineFor(group, init);
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
  shard(index: number, state: "creating" | "open" | "deleting"): MetadataChange {
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
    put: (groupId: number, text: string, producer?: { id: number; sequence: number }) => number;
  } {
    const pipe = new MessagePipe();
    this.broker(nodeId).handlers.appendStream(pipe, { principal: CLUSTER });
    const put = (groupId: number, text: string, producer?: { id: number; sequence: number }) => {
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

  /** The process dies and starts again from its disk. */
  async restart(nodeId: number): Promise<void> {
    this.broker(nodeId).stop();
    this.brokers.delete(nodeId);
    this.lanes.kill(nodeId);
    await this.lanes.run(2000);
    await this.lanes.restart(nodeId);
    this.broker(nodeId).start();
  }

  async stop(): Promise<void> {
    for (const broker of this.brokers.values()) broker.stop();
    await this.lanes.stop();
  }
}

describe("brokers on lanes", () => {
  let cluster: BrokerCluster | undefined;
  afterEach(async () => {
    await cluster?.stop();
    cluster = undefined;
  });

  it("make the ordered groups, spread their leaders and report both", async () => {
    cluster = await BrokerCluster.create(6);
    const leaders = Array.from({ length: 6 }, (_, index) =>
      cluster?.leaderNode(FIRST_GROUP + index),
    );
    expect(leaders).toEqual([1, 2, 3, 1, 2, 3]);
    const created = cluster.reports.map(({ groupId, replicaId }) => `${groupId}/${replicaId}`);
    expect(new Set(created).size).toBe(18);
    const leading = cluster.reports
      .filter((report) => report.leading)
      .map(({ groupId }) => groupId);
    expect(new Set(leading)).toEqual(new Set([100, 101, 102, 103, 104, 105]));
  });

  it("put one record to each of 200 shards in one turn with few synced writes", async () => {
    const shards = 201;
    cluster = await BrokerCluster.create(shards);
    await cluster.lanes.run(1000);
    const before = cluster.lanes.nodeIds.map((id) => cluster?.lanes.storage(id).stats());
    const streams = new Map([1, 2, 3].map((nodeId) => [nodeId, cluster?.appends(nodeId)]));
    for (let index = 0; index < shards; index++) {
      const groupId = FIRST_GROUP + index;
      streams.get(cluster.leaderNode(groupId))?.put(groupId, `r${index}`);
    }
    const answered = () =>
      [...streams.values()].reduce((sum, s) => sum + (s?.pipe.sent.length ?? 0), 0);
    await cluster.lanes.runUntil(() => answered() === shards);
    const writes = cluster.lanes.nodeIds.map(
      (id, index) =>
        (cluster?.lanes.storage(id).stats().walSyncedWrites ?? 0) -
        (before[index]?.walSyncedWrites ?? 0),
    );
    for (const count of writes) expect(count).toBeLessThanOrEqual(10);
    for (const stream of streams.values()) {
      const codes = stream?.pipe.sent.map((message) => decodeAppendResponse(message).failure?.code);
      expect(new Set(codes)).toEqual(new Set([undefined]));
    }
  });

  it("give back what was put, from the leader's log", async () => {
    cluster = await BrokerCluster.create(1);
    for (const [index, text] of ["a", "b", "c"].entries()) {
      await cluster.putUntilStored(FIRST_GROUP, text, index + 1);
    }
    expect(await cluster.read(FIRST_GROUP)).toEqual(["a", "b", "c"]);
    expect(await cluster.read(FIRST_GROUP, 2)).toEqual(["c"]);
  });

  it("store each put once through the death of leaders, and lose none (S1, S4)", async () => {
    cluster = await BrokerCluster.create(1);
    const texts: string[] = [];
    for (let index = 0; index < 9; index++) {
      if (index % 3 === 2) {
        // The leader dies with a put on its way; the producer sends it again to the next leader.
        const nodeId = cluster.leaderNode(FIRST_GROUP);
        cluster
          .appends(nodeId)
          .put(FIRST_GROUP, `r${index}`, { id: FIRST_GROUP, sequence: index + 1 });
        await cluster.lanes.run(index);
        await cluster.restart(nodeId);
      }
      texts.push(`r${index}`);
      await cluster.putUntilStored(FIRST_GROUP, `r${index}`, index + 1);
    }
    expect(await cluster.read(FIRST_GROUP)).toEqual(texts);
  });

  it("drop a tombstoned group's data and say so", async () => {
    cluster = await BrokerCluster.create(1);
    await cluster.putUntilStored(FIRST_GROUP, "a", 1);
    cluster.reports.length = 0;
    const tombstone = {
      groupId: FIRST_GROUP,
      deletedAtMs: 0,
      replicas: [1, 2, 3].map((nodeId) => ({
        replicaId: FIRST_GROUP * 10 + nodeId,
        nodeId,
        incarnation: `inc${nodeId}`,
        state: "created" as const,
      })),
    };
    const gone = { key: cluster.shard(0, "open").key, json: undefined };
    const json = JSON.stringify({ v: 1, ...tombstone });
    cluster.view.apply(4, [gone, { key: `tombstone/${FIRST_GROUP}`, json }]);
    const { lanes, reports } = cluster;
    await lanes.runUntil(() => reports.filter(({ removed }) => removed).length >= 3);
    expect(lanes.nodeIds.map((id) => lanes.lane(id).group(FIRST_GROUP))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
