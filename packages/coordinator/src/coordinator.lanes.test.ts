/** The coordinator on the real host, log and storage, with a network and disks of the test's. */
import { NO_METRICS, SILENT_LOGGER, StreamError } from "@millrace/base";
import { SeededRandom } from "@millrace/base/testing";
import { LaneCluster } from "@millrace/replica/testing";
import { afterEach, describe, expect, it } from "vitest";

import type { Coordinator } from "./coordinator.ts";
import { createCoordinator } from "./coordinator.ts";
import { CLUSTER, createRequest, formRequest, KEY, registerRequest } from "./testing/samples.ts";

const NODES = [1, 2, 3];

/** Coordinators on the lanes of a cluster; one per process, so a restart makes a new one. */
class Coordinators {
  readonly lanes: LaneCluster;
  readonly #byNode: Map<number, Coordinator>;

  static async form(seed: number, compactAfterEntries: number): Promise<Coordinators> {
    const byNode = new Map<number, Coordinator>();
    const made: { all?: Coordinators } = {};
    const lanes = await LaneCluster.create({
      seed,
      config: { compactAfterEntries },
      createStateMachine: (nodeId, group) => {
        if (made.all === undefined) throw new Error("no group exists before the cluster is formed");
        return made.all.on(nodeId).stateMachineFor(group);
      },
    });
    const all = new Coordinators(lanes, byNode);
    made.all = all;
    const voters = formRequest().voters.map((voter) => ({
      ...voter,
      incarnation: lanes.storage(voter.nodeId).identity.incarnation,
    }));
    const forming = NODES.map((nodeId) =>
      all.on(nodeId).services.coordinator.formCluster(formRequest({ voters }), CLUSTER),
    );
    await lanes.until(Promise.all(forming));
    await all.untilLed();
    for (const nodeId of NODES) {
      const { incarnation } = lanes.storage(nodeId).identity;
      const request = registerRequest(nodeId, { incarnation });
      await lanes.until(all.leader.services.coordinator.registerNode(request, CLUSTER));
    }
    return all;
  }

  private constructor(lanes: LaneCluster, byNode: Map<number, Coordinator>) {
    this.lanes = lanes;
    this.#byNode = byNode;
  }

  on(nodeId: number): Coordinator {
    const known = this.#byNode.get(nodeId);
    if (known !== undefined) return known;
    const { lanes } = this;
    const coordinator = createCoordinator({
      nodeId,
      lane: {
        group: (groupId) => lanes.lane(nodeId).group(groupId),
        createGroup: (init) => lanes.lane(nodeId).createGroup(init),
        setPeer() {},
      },
      storage: lanes.storage(nodeId),
      clock: lanes.nodeClock(nodeId),
      random: new SeededRandom(nodeId),
      logger: SILENT_LOGGER,
      metrics: NO_METRICS,
    });
    coordinator.start();
    this.#byNode.set(nodeId, coordinator);
    return coordinator;
  }

  get leader(): Coordinator {
    const nodeId = this.lanes.leaderNode(1);
    if (nodeId === undefined) throw new Error("no leader");
    return this.on(nodeId);
  }

  /** Until there is a leader, and the records of the forming are committed. */
  async untilLed(): Promise<void> {
    await this.lanes.runUntil(
      () => this.lanes.leader(1) !== undefined && this.leader.localView.cluster() !== undefined,
    );
  }

  kill(nodeId: number): void {
    this.#byNode.get(nodeId)?.stop();
    this.#byNode.delete(nodeId);
    this.lanes.kill(nodeId);
  }

  async createStream(streamName: string, on: Coordinator = this.leader): Promise<string> {
    const request = createRequest({ streamName });
    return this.lanes.until(
      on.services.coordinator.createStream(request, KEY).then(
        () => "created",
        (error: unknown) => (error instanceof StreamError ? error.code : String(error)),
      ),
    );
  }

  /** What each live node has, once all have applied as much as the leader. */
  async snapshots(): Promise<readonly unknown[]> {
    const live = this.lanes.liveNodeIds.map((nodeId) => this.on(nodeId).localView);
    await this.lanes.runUntil(() =>
      live.every(({ index }) => index === this.leader.localView.index),
    );
    return live.map((view) => view.snapshot());
  }
}

let running: Coordinators | undefined;
afterEach(async () => {
  await running?.lanes.stop();
  running = undefined;
});

async function formed(seed: number, compactAfterEntries = 10_000): Promise<Coordinators> {
  running = await Coordinators.form(seed, compactAfterEntries);
  return running;
}

describe("metadata on real lanes", () => {
  it("is equal on all voters, also on one that was down and came back", async () => {
    const all = await formed(11);
    expect(await all.createStream("a")).toBe("created");
    const away = all.lanes.leaderNode(1) ?? 0;
    all.kill(away);
    await all.untilLed();
    expect(all.lanes.leaderNode(1)).not.toBe(away);
    expect(await all.createStream("b")).toBe("created");
    await all.lanes.restart(away);
    const [first, ...others] = await all.snapshots();
    expect(others).toEqual([first, first]);
    expect(
      all
        .on(away)
        .localView.list("stream")
        .map(({ streamName }) => streamName),
    ).toEqual(["a", "b"]);
  });

  it("reaches a voter by snapshot that was away while the log was shortened", async () => {
    const all = await formed(61, 10);
    const away = NODES.find((nodeId) => nodeId !== all.lanes.leaderNode(1)) ?? 0;
    all.kill(away);
    for (let at = 0; at < 40; at++) expect(await all.createStream(`s${at}`)).toBe("created");
    expect(all.lanes.leader(1)?.log.firstIndex()).toBeGreaterThan(10);
    await all.lanes.restart(away);
    const [first, ...others] = await all.snapshots();
    expect(others).toEqual([first, first]);
    expect(all.on(away).localView.list("stream")).toHaveLength(40);
  });

  it("has exactly one stream after a leader died in the middle of CreateStream", async () => {
    for (const seed of [21, 22, 23, 24]) {
      const all = await formed(seed);
      const former = all.lanes.leaderNode(1) ?? 0;
      const lost = all.leader.services.coordinator.createStream(createRequest(), KEY);
      lost.catch(() => undefined); // its process is gone: nobody hears of it
      await all.lanes.run(seed % 4); // from "not sent" to "committed but not answered"
      all.kill(former);
      await all.untilLed();
      const again = await all.createStream("orders");
      expect(["created", "already-exists"]).toContain(again);
      const { localView } = all.leader;
      expect(localView.list("stream")).toHaveLength(1);
      expect(localView.list("shard")).toHaveLength(2);
      await all.lanes.stop();
    }
    running = undefined;
  });

  it("is formed once: the same order again is harmless, another one is refused", async () => {
    const all = await formed(51);
    const voters = formRequest().voters.map((voter) => ({
      ...voter,
      incarnation: all.lanes.storage(voter.nodeId).identity.incarnation,
    }));
    const { formCluster } = all.on(1).services.coordinator;
    const before = all.leader.localView.index;
    const same = await all.lanes.until(formCluster(formRequest({ voters }), CLUSTER));
    await all.lanes.run(1_000);
    expect([same.clusterId, all.leader.localView.index]).toEqual(["c1", before]);
    const other = formCluster(formRequest({ voters, clusterId: "c2" }), CLUSTER);
    await expect(all.lanes.until(other)).rejects.toMatchObject({
      code: "wrong-state",
      message: "this node belongs to cluster c1, it cannot form c2",
    });
    expect(all.lanes.storage(1).identity.clusterId).toBe("c1");
  });

  it("is not changed by a leader that was cut off, and it never says it was (S11)", async () => {
    const all = await formed(31);
    const cut = all.lanes.leaderNode(1) ?? 0;
    const former = all.on(cut);
    all.lanes.network.partition(
      [cut],
      NODES.filter((nodeId) => nodeId !== cut),
    );
    const asked = all.createStream("orders", former);
    await all.lanes.runUntil(() => {
      const now = all.lanes.leaderNode(1);
      return now !== undefined && now !== cut;
    });
    expect(await asked).toMatch(/indeterminate|not-leader|unavailable/);
    expect(await all.createStream("other")).toBe("created");
    all.lanes.network.heal();
    const [first, ...others] = await all.snapshots();
    expect(others).toEqual([first, first]);
  });

  it("answers a barrier on any voter with all that was acknowledged before, after a change of leader (S12)", async () => {
    const all = await formed(41);
    const { metadataIndex } = await all.lanes.until(
      all.leader.services.coordinator.createStream(createRequest(), KEY),
    );
    const former = all.lanes.leaderNode(1) ?? 0;
    all.kill(former);
    await all.untilLed();
    for (const nodeId of all.lanes.liveNodeIds) {
      const asked = all.on(nodeId).services.metadata.barrier({}, KEY);
      expect((await all.lanes.until(asked)).index).toBeGreaterThanOrEqual(metadataIndex);
      expect(all.on(nodeId).localView.list("stream")).toHaveLength(1);
    }
  });

  it("is forgotten by a node whose replica was taken out, and comes back with the next one", async () => {
    const all = await formed(71);
    expect(await all.createStream("a")).toBe("created");
    const out = NODES.find((nodeId) => nodeId !== all.lanes.leaderNode(1)) ?? 0;
    const former = all.lanes.leader(1)?.members ?? [];
    const staying = former.filter(({ nodeId }) => nodeId !== out);
    const move = (members: readonly { replicaId: number; nodeId: number }[]) =>
      all.lanes.runUntil(() => all.lanes.leader(1)?.moveMembers(members).kind === "there");
    await move(staying);
    await all.lanes.until(all.lanes.lane(out).dropGroup(1));
    expect([all.on(out).localView.ready, all.on(out).status().leaderNodeId]).toEqual([
      false,
      undefined,
    ]);
    expect(await all.createStream("b")).toBe("created");

    const members = [...staying, { replicaId: 99, nodeId: out }];
    const voters = former.map(({ replicaId }) => replicaId);
    const init = { groupId: 1, replicaId: 99, kind: "metadata", members, voters } as const;
    await all.lanes.until(all.lanes.lane(out).createGroup(init));
    await move(members);
    const [first, ...others] = await all.snapshots();
    expect(others).toEqual([first, first]);
    expect(all.on(out).localView.list("stream")).toHaveLength(2);
  });
});
