import { afterEach, describe, expect, it } from "vitest";

import { LaneCluster } from "./testing/index.ts";

const GROUP = 7;

let cluster: LaneCluster;
afterEach(() => cluster.stop());

const asleep = (): readonly boolean[] =>
  [1, 2, 3].map((nodeId) => cluster.lane(nodeId).group(GROUP)?.asleep === true);

describe("a group that sleeps", () => {
  it("tells a follower that starts again who leads, and sleeps on with it (Z4)", async () => {
    cluster = await LaneCluster.create({ seed: 4, syncMs: 1 });
    await cluster.createGroup(GROUP, { nodes: [1, 2, 3], preferred: 1 });
    await cluster.electAll([GROUP]);
    expect(await cluster.propose(GROUP, Buffer.from("a"))).toBeUndefined();
    await cluster.run(10_000);
    expect(asleep()).toEqual([true, true, true]);
    cluster.kill(3);
    await cluster.run(3_000);
    await cluster.restart(3);
    await cluster.runUntil(() => cluster.group(3, GROUP).leaderNodeId === 1, 2_000);
    await cluster.runUntil(() => asleep().every(Boolean), 10_000);
    const elections = () => cluster.lane(3).stats.elections;
    const before = elections();
    await cluster.run(20_000);
    expect([elections() - before, asleep(), cluster.group(3, GROUP).leaderNodeId]).toEqual([
      0,
      [true, true, true],
      1,
    ]);
  });
});
