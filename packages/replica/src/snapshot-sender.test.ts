import { StreamError } from "@millrace/base";
import { expect, it } from "vitest";

import { LaneCluster } from "./testing/index.ts";

const GROUP = 2;

it("starts a lost snapshot again: a leader that waited for its answer would wait for ever (H4)", async () => {
  const config = { compactAfterEntries: 10, snapshotTimeoutMs: 2_000 };
  const cluster = await LaneCluster.create({ config });
  await cluster.createGroup(GROUP, { kind: "metadata", preferred: 1 });
  await cluster.electAll([GROUP]);
  cluster.kill(3);
  for (let i = 0; i < 40; i += 1) {
    const answer = await cluster.propose(GROUP, Buffer.from(`${i}`));
    expect(answer).not.toBeInstanceOf(StreamError);
  }
  await cluster.restart(3);
  const leader = cluster.leaderNode(GROUP) ?? 0;
  await cluster.runUntil(() => cluster.lane(leader).stats.snapshotsSent === 1, 10_000);
  cluster.network.cut(leader, 3); // what is on its way is lost
  await cluster.run(200);
  expect(cluster.lane(3).stats.snapshotsReceived).toBe(0);
  cluster.network.heal();
  const last = cluster.group(leader, GROUP).lastIndex;
  await cluster.runUntil(() => cluster.group(3, GROUP).appliedIndex >= last, 10_000);
  expect(cluster.lane(3).stats.snapshotsReceived).toBe(1);
  await cluster.stop();
});
