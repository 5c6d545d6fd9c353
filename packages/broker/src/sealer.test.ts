import { decodeAppendResponse } from "@millrace/rpc";
import { afterEach, describe, expect, it } from "vitest";

import { REPORT_AGAIN_MS } from "./bounds.ts";
import { BrokerCluster, FIRST_GROUP } from "./testing/broker-cluster.ts";
import { EPOCH, nth } from "./testing/fixtures.ts";

const SEAL = { epoch: EPOCH + 1, childShardIndexes: [1, 2] };

describe("a shard that metadata orders to seal (S10)", () => {
  let cluster: BrokerCluster | undefined;
  afterEach(async () => {
    await cluster?.stop();
    cluster = undefined;
  });

  const order = (of: BrokerCluster, fields: object = { seal: SEAL }) => {
    of.view.apply(of.view.index + 1, [of.shard(0, "open", fields)]);
  };
  const seals = (of: BrokerCluster) => of.reports.filter(({ sealedEpoch = 0 }) => sealedEpoch > 0);

  it("is sealed by its leader, which says where it ends", async () => {
    cluster = await BrokerCluster.create(1);
    await cluster.putUntilStored(FIRST_GROUP, "a", 1);
    order(cluster);
    await cluster.lanes.runUntil(() => seals(cluster as BrokerCluster).length > 0);
    expect(seals(cluster)).toMatchObject([
      { groupId: FIRST_GROUP, sealedEpoch: EPOCH + 1, endOffset: 1, leading: true },
    ]);
    await cluster.lanes.runUntil(() =>
      [...(cluster as BrokerCluster).machines.values()].every(({ state }) => state.sealed),
    );
    const { pipe, put } = cluster.appends(cluster.leaderNode(FIRST_GROUP));
    put(FIRST_GROUP, "b", { id: FIRST_GROUP, sequence: 2 });
    put(FIRST_GROUP, "a", { id: FIRST_GROUP, sequence: 1 });
    await cluster.lanes.runUntil(() => pipe.sent.length === 2);
    const answers = pipe.sent.map((message) => decodeAppendResponse(message));
    expect(answers.map(({ failure }) => [failure?.code, failure?.hint])).toEqual([
      ["stale-epoch", { shardEpoch: EPOCH + 1, sealed: true }],
      [undefined, undefined],
    ]);
    expect(nth(answers, 1)).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(await cluster.read(FIRST_GROUP)).toEqual(["a"]);
  });

  it("is told of by its next leader, too, until metadata knows", async () => {
    cluster = await BrokerCluster.create(1);
    order(cluster);
    await cluster.lanes.runUntil(() => seals(cluster as BrokerCluster).length === 1);
    await cluster.restart(cluster.leaderNode(FIRST_GROUP));
    await cluster.lanes.electAll([FIRST_GROUP]);
    await cluster.lanes.runUntil(() => seals(cluster as BrokerCluster).length >= 2);
    order(cluster, { seal: { ...SEAL, endOffset: 0, lastArrivalMs: 0 } });
    const told = seals(cluster).length;
    await cluster.lanes.run(3 * REPORT_AGAIN_MS);
    expect(seals(cluster)).toHaveLength(told);
  });

  it("is sealed by whoever leads next when its leader dies at the order", async () => {
    cluster = await BrokerCluster.create(1);
    const leader = cluster.leaderNode(FIRST_GROUP);
    order(cluster);
    cluster.kill(leader);
    await cluster.lanes.run(5_000);
    await cluster.lanes.electAll([FIRST_GROUP]);
    await cluster.lanes.runUntil(() => seals(cluster as BrokerCluster).length > 0);
    expect(seals(cluster)).toMatchObject([{ sealedEpoch: EPOCH + 1, endOffset: 0 }]);
  });
});
