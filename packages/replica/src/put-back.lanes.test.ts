import { afterEach, describe, expect, it } from "vitest";

import { LaneCluster } from "./testing/index.ts";

const GROUP = 7;

let cluster: LaneCluster;
afterEach(() => cluster.stop());

async function write(entries: number): Promise<void> {
  for (let i = 0; i < entries; i += 1) {
    await cluster.runUntil(() => cluster.leader(GROUP) !== undefined);
    expect(await cluster.propose(GROUP, Buffer.alloc(100, i + 1))).toBeUndefined();
  }
}

describe("a node whose disk was put back to a copy from before several of its starts", () => {
  it("is heard again, and its replicas find out what they lost although their groups sleep", async () => {
    cluster = await LaneCluster.create({ seed: 9, syncMs: 1 });
    await cluster.createGroup(GROUP, { nodes: [1, 2, 3], preferred: 1 });
    await write(3);
    cluster.kill(3, "none");
    const copy = cluster.copyDisk(3);
    for (let start = 0; start < 3; start += 1) {
      await cluster.restart(3);
      await cluster.run(2_000);
      if (start < 2) cluster.kill(3, "none");
    }
    await write(3);
    await cluster.run(20_000);
    expect(cluster.group(1, GROUP).asleep).toBe(true);
    cluster.kill(3, "none");
    await cluster.run(3_000);
    await cluster.putBackDisk(3, copy);
    await cluster.restart(3);
    await cluster.runUntil(() => cluster.lane(3).damaged().length > 0, 10_000);
    expect(cluster.lane(3).damaged()).toMatchObject([{ groupId: GROUP, replicaId: 73 }]);
    expect([1, 2].map((nodeId) => cluster.lane(nodeId).isNodeLive(3))).toEqual([true, true]);
  });
});
