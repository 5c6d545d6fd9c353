import { describe, expect, it } from "vitest";

import { LIFECYCLE_TIMING_DEFAULT, nextStep } from "./lifecycle-step.ts";
import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { MetadataState } from "./state/metadata-state.ts";
import { FakeCluster } from "./testing/fake-cluster.ts";
import { CLUSTER, formCommand, formRequest, KEY, registerRequest } from "./testing/samples.ts";

async function formed(): Promise<FakeCluster> {
  const cluster = new FakeCluster(3);
  cluster.elect(1);
  await cluster.run(cluster.node(1).services.coordinator.formCluster(formRequest(), CLUSTER));
  for (const nodeId of [1, 2, 3]) {
    const { registerNode } = cluster.leader.services.coordinator;
    await cluster.run(registerNode(registerRequest(nodeId), CLUSTER));
  }
  return cluster;
}

describe("the placement policy", () => {
  it("changes what is named and keeps the rest, for those who hold the cluster secret", async () => {
    const cluster = await formed();
    const { updatePlacementPolicy } = cluster.leader.services.coordinator;
    const change = (settings: Record<string, number>, principal = CLUSTER) =>
      cluster.run(updatePlacementPolicy({ settings }, principal));
    await change({ dropGraceMs: 0, movesMax: 8 });
    await change({ movesMax: 2 });
    const policy = { dropGraceMs: 0, movesMax: 2 };
    expect(cluster.leader.localView.cluster()?.placementPolicy).toEqual(policy);
    await expect(change({ movesMax: 0 })).rejects.toThrow("movesMax is 0, but must be in 1..100");
    await expect(change({ movesMax: 3 }, KEY)).rejects.toMatchObject({ code: "permission-denied" });
    expect(cluster.leader.localView.cluster()?.placementPolicy).toEqual(policy);
  });
});

describe("evening out", () => {
  it("is planned without a change, started, and ends by itself when nothing is left to do", async () => {
    const cluster = await formed();
    const { rebalance } = cluster.leader.services.coordinator;
    const since = () => cluster.leader.localView.cluster()?.rebalancingSinceMs;
    const plan = await cluster.run(rebalance({ action: "plan" }, CLUSTER));
    expect(plan).toMatchObject({ running: false, moves: [], leaderChanges: 0, moving: 0 });
    await cluster.pass(6_000);
    const started = await cluster.run(rebalance({ action: "start" }, CLUSTER));
    expect(started.running).toBe(true);
    await cluster.pass(1_100);
    expect(since()).toBeDefined(); // a leader that hears nobody does not call it even
    for (const nodeId of [1, 2, 3]) {
      const beat = {
        nodeId,
        incarnation: `disk-${nodeId}`,
        bootEpoch: 1,
        state: "ready",
        nowMs: 0,
      };
      await cluster.run(cluster.leader.services.coordinator.heartbeat(beat, CLUSTER));
    }
    await cluster.pass(1_100);
    expect(since()).toBeUndefined();
    await expect(cluster.run(rebalance({ action: "stop" }, CLUSTER))).rejects.toThrow(
      "action is stop, but must be one of plan, start, cancel",
    );
  });
});

describe("a cluster that was formed before the place of its metadata group was recorded", () => {
  const voters = [1, 2, 3].map((nodeId) => ({ replicaId: nodeId + 10, nodeId }));
  const stepOf = (state: MetadataState, ownVoters: typeof voters | undefined) =>
    nextStep({
      state,
      timing: LIFECYCLE_TIMING_DEFAULT,
      nowMs: 1,
      monotonicMs: 1,
      forming: undefined,
      deletingSeenMs: new Map(),
      heardState: () => undefined,
      isAlive: () => true,
      silentMs: () => 0,
      ownVoters: () => ownVoters,
    });

  it("gets it from its leader, once, with ids that are not given out again (R2)", () => {
    const state = new MetadataState();
    let index = 0;
    const commit = (command: Command): void => {
      state.apply([{ term: 1, index: ++index, data: encodeCommand(command, 1) }]);
    };
    commit(formCommand());
    expect(stepOf(state, undefined).kind).toBe("wait"); // members that are on the move say nothing
    const step = stepOf(state, voters);
    expect(step.kind).toBe("record-metadata-group");
    commit(step as Command);
    const { metadataGroup, nextReplicaId } = state.view.cluster() ?? {};
    expect(metadataGroup?.replicas.map(({ replicaId }) => replicaId)).toEqual([11, 12, 13]);
    expect(nextReplicaId).toBe(14);
    expect(stepOf(state, voters).kind).toBe("wait");
  });
});
