import { decodeAppendResponse, decodeFetchResponse, encodeFetchRequest } from "@millrace/rpc";
import { afterEach, describe, expect, it } from "vitest";

import { BrokerCluster, FIRST_GROUP } from "./testing/broker-cluster.ts";
import { CLUSTER, clusterRecord, HOUR_MS, nth } from "./testing/fixtures.ts";
import { MessagePipe } from "./testing/message-pipe.ts";

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

  it("trim alike, and bring a follower that slept through it to the same bytes (S9, T1)", async () => {
    cluster = await BrokerCluster.create(1);
    const { lanes } = cluster;
    for (const [index, text] of ["old", "older"].entries()) {
      await cluster.putUntilStored(FIRST_GROUP, text, index + 1);
    }
    const sleeper = nth(
      [1, 2, 3].filter((id) => id !== cluster?.leaderNode(FIRST_GROUP)),
      0,
    );
    cluster.kill(sleeper);
    lanes.clock.jump(25 * HOUR_MS);
    await cluster.putUntilStored(FIRST_GROUP, "new", 3);
    cluster.view.apply(4, [clusterRecord({ trimClockMs: lanes.clock.nowMs() })]);
    const leader = cluster.leader(FIRST_GROUP);
    await lanes.runUntil(() => leader.log.firstIndex() > 1);
    expect(await cluster.read(FIRST_GROUP)).toEqual(["new"]);
    await cluster.putUntilStored(FIRST_GROUP, "newer", 4);

    await cluster.revive(sleeper);
    await lanes.runUntil(() =>
      lanes.nodeIds.every(
        (id) => lanes.group(id, FIRST_GROUP).appliedIndex === leader.appliedIndex,
      ),
    );
    const states = lanes.nodeIds.map((id) => cluster?.machines.get(id)?.snapshot());
    expect(states[1]).toEqual(states[0]);
    expect(states[2]).toEqual(states[0]);
    leader.transferLeadership(FIRST_GROUP * 10 + sleeper);
    await lanes.runUntil(() => lanes.leaderNode(FIRST_GROUP) === sleeper);
    expect(await cluster.read(FIRST_GROUP)).toEqual(["new", "newer"]);
    const again = await cluster.putUntilStored(FIRST_GROUP, "newer", 4);
    expect(again).toMatchObject({ baseOffset: 3, duplicate: true });
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
    const clock = clusterRecord({ trimClockMs: HOUR_MS }); // the grace is over
    cluster.view.apply(4, [gone, { key: `tombstone/${FIRST_GROUP}`, json }, clock]);
    const { lanes, reports } = cluster;
    await lanes.runUntil(() => reports.filter(({ removed }) => removed).length >= 3);
    expect(lanes.nodeIds.map((id) => lanes.lane(id).group(FIRST_GROUP))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("answer their last puts and end long polls when they drain", async () => {
    cluster = await BrokerCluster.create(1);
    const { lanes } = cluster;
    const nodeId = cluster.leaderNode(FIRST_GROUP);
    const { pipe, put } = cluster.appends(nodeId);
    const poll = new MessagePipe();
    const broker = cluster.broker(nodeId);
    broker.handlers.fetchStream(poll, { principal: CLUSTER });
    const request = { requestId: 1, groupId: FIRST_GROUP, offset: 5, waitMs: 30_000 };
    const bounds = { maxBytes: 1000, maxRecords: 10, limited: false };
    poll.receive(encodeFetchRequest({ ...request, ...bounds }));
    put(FIRST_GROUP, "last");
    await lanes.until(broker.drain(5000));
    expect(pipe.sent.map((message) => decodeAppendResponse(message).failure)).toEqual([undefined]);
    expect(poll.sent.map((message) => decodeFetchResponse(message))).toEqual([
      expect.objectContaining({ requestId: 1, slices: [], nextOffset: 5 }),
    ]);
  });

  it("tell the state of their groups, locate positions and refuse callers without a name", async () => {
    cluster = await BrokerCluster.create(1);
    await cluster.putUntilStored(FIRST_GROUP, "a", 1);
    const nodeId = cluster.leaderNode(FIRST_GROUP);
    const { handlers } = cluster.broker(nodeId);
    expect(handlers.groupStatuses()).toEqual([
      expect.objectContaining({
        groupId: FIRST_GROUP,
        kind: "shard",
        role: "leader",
        leaderNodeId: nodeId,
        leaderReplicaId: FIRST_GROUP * 10 + nodeId,
      }),
    ]);
    const request = { groupId: FIRST_GROUP, position: "LATEST", timestampMs: 0, limited: false };
    const latest = handlers.locate(request, CLUSTER);
    expect(await cluster.lanes.until(latest)).toEqual({ offset: 1, trimOffset: 0, endOffset: 1 });
    const wrong = handlers.locate({ ...request, position: "NEWEST" }, CLUSTER);
    await expect(wrong).rejects.toMatchObject({ code: "invalid-argument" });
    expect(() => handlers.appendStream(new MessagePipe(), {})).toThrow("no principal");
  });
});
