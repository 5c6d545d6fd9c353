import type { ReplicaPlacement } from "@millrace/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FakeCluster } from "./testing/fake-cluster.ts";
import {
  ACCOUNT,
  CLUSTER,
  createRequest,
  formRequest,
  KEY,
  registerRequest,
  report,
} from "./testing/samples.ts";

const SEED = 20_260_828;
const NODES = [1, 2, 3];

type Step =
  | { readonly kind: "create" | "delete"; readonly streamName: string }
  | { readonly kind: "elect"; readonly nodeId: number; readonly fate: "kept" | "lost" }
  | { readonly kind: "hold" | "release" }
  | { readonly kind: "pass"; readonly ms: number };

const streamName = fc.constantFrom("a", "b");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("create" as const, "delete" as const), streamName }),
  fc.record({
    kind: fc.constant("elect" as const),
    nodeId: fc.constantFrom(...NODES),
    fate: fc.constantFrom("kept" as const, "lost" as const),
  }),
  fc.record({ kind: fc.constantFrom("hold" as const, "release" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(0, 20, 700) }),
);

/**
 * Three brokers as metadata sees them: they make what they are ordered to make, remove what has a
 * tombstone, and say so until they were heard.
 */
class Brokers {
  readonly #cluster: FakeCluster;
  readonly #replicas = new Map<number, Set<number>>(NODES.map((nodeId) => [nodeId, new Set()]));

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
  }

  async work(): Promise<void> {
    for (const nodeId of NODES) {
      const replicas = [...this.#create(nodeId), ...this.#remove(nodeId)];
      const request = { nodeId, incarnation: `disk-${nodeId}`, replicas };
      const { reportReplicas } = this.#cluster.leader.services.coordinator;
      const done = reportReplicas(request, CLUSTER).catch(() => undefined); // said again in the next round
      await this.#cluster.pass(10);
      void done;
    }
  }

  get held(): number {
    return [...this.#replicas.values()].reduce((sum, replicas) => sum + replicas.size, 0);
  }

  #create(nodeId: number) {
    return this.#cluster
      .node(nodeId)
      .localView.list("shard")
      .flatMap(({ groupId, replicas }) =>
        this.#mine(nodeId, replicas).map(({ replicaId }) => {
          this.#replicas.get(nodeId)?.add(replicaId);
          const leading = replicas[0]?.replicaId === replicaId;
          return report({ groupId, replicaId, leading });
        }),
      );
  }

  #remove(nodeId: number) {
    return this.#cluster
      .node(nodeId)
      .localView.list("tombstone")
      .flatMap(({ groupId, replicas }) =>
        this.#mine(nodeId, replicas).map(({ replicaId }) => {
          this.#replicas.get(nodeId)?.delete(replicaId);
          return report({ groupId, replicaId, state: "", removed: true });
        }),
      );
  }

  #mine(nodeId: number, replicas: readonly ReplicaPlacement[]): readonly ReplicaPlacement[] {
    return replicas.filter((replica) => replica.nodeId === nodeId);
  }
}

async function play(steps: readonly Step[]): Promise<void> {
  const cluster = new FakeCluster(3, { aliveMs: 1e9 });
  for (const nodeId of NODES) {
    const { formCluster } = cluster.node(nodeId).services.coordinator;
    await cluster.run(formCluster(formRequest(), CLUSTER));
  }
  cluster.elect(1);
  await cluster.pass(20);
  for (const nodeId of NODES) {
    const { registerNode } = cluster.leader.services.coordinator;
    await cluster.run(registerNode(registerRequest(nodeId), CLUSTER));
  }
  const brokers = new Brokers(cluster);
  for (const each of steps) {
    await take(cluster, each);
    await brokers.work();
  }
  cluster.held = false;
  cluster.commitSoon();
  for (let round = 0; round < 8; round++) {
    await cluster.pass(400);
    await brokers.work();
  }
  for (const nodeId of NODES) {
    const { localView } = cluster.node(nodeId);
    expect(localView.snapshot()).toEqual(cluster.leader.localView.snapshot());
  }
  const { localView } = cluster.leader;
  const streams = localView.list("stream");
  expect(streams.filter(({ status }) => status !== "ACTIVE")).toEqual([]);
  expect(localView.list("tombstone")).toEqual([]);
  expect(localView.list("shard").map(({ state }) => state)).toEqual(
    streams.flatMap(() => ["open", "open"]),
  );
  expect(brokers.held).toBe(streams.length * 6);
}

async function take(cluster: FakeCluster, each: Step): Promise<void> {
  const ignore = (): undefined => undefined; // refusals are part of the play
  const { coordinator } = cluster.leader.services;
  if (each.kind === "create") {
    coordinator.createStream(createRequest(each), KEY).catch(ignore);
  } else if (each.kind === "delete") {
    const target = { account: ACCOUNT, streamName: each.streamName, streamId: "" };
    coordinator.deleteStream(target, KEY).catch(ignore);
  } else if (each.kind === "elect") {
    cluster.elect(each.nodeId, each.fate);
  } else if (each.kind === "pass") {
    await cluster.pass(each.ms);
  } else {
    cluster.held = each.kind === "hold";
    cluster.commitSoon();
  }
}

describe(`reconciliation, seed ${SEED}`, () => {
  it("settles every stream and tombstone once leaders stay and commits go through", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), play), {
      seed: SEED,
      numRuns: 200,
    });
  });
});
