/** Splits and merges while the metadata group changes leaders, loses proposals and hears the same things twice. */
import type { MetadataView, Shard } from "@millrace/model";
import { HASH_KEY_MAX } from "@millrace/model";
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

const SEED = 20_261_125;
const NODES = [1, 2, 3];
const target = { account: ACCOUNT, streamName: "orders" };

type Step =
  | { readonly kind: "split" | "merge"; readonly pick: number }
  | { readonly kind: "cancel" | "hold" | "release" | "silence" | "speak" }
  | { readonly kind: "elect"; readonly nodeId: number; readonly fate: "kept" | "lost" }
  | { readonly kind: "pass"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("split" as const, "merge" as const),
    pick: fc.nat({ max: 50 }),
  }),
  fc.record({
    kind: fc.constantFrom(
      "cancel" as const,
      "hold" as const,
      "release" as const,
      "silence" as const,
      "speak" as const,
    ),
  }),
  fc.record({
    kind: fc.constant("elect" as const),
    nodeId: fc.constantFrom(...NODES),
    fate: fc.constantFrom("kept" as const, "lost" as const),
  }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(0, 20, 400_000) }),
);

/** Brokers that make what they are to make, seal what they are to seal, and say so again and again. */
class Brokers {
  readonly #cluster: FakeCluster;
  /** Epoch of each sealed group: a seal is for ever, whatever becomes of the report. */
  readonly sealed = new Map<number, number>();
  silent = false;

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
  }

  async work(): Promise<void> {
    for (const nodeId of NODES) {
      const { localView } = this.#cluster.node(nodeId);
      const replicas = localView.list("shard").flatMap((shard) => {
        const mine = shard.replicas.find((replica) => replica.nodeId === nodeId);
        if (mine === undefined) return [];
        const leading = mine === shard.replicas[0];
        const { groupId, seal, state } = shard;
        if (leading && state === "open" && seal !== undefined) {
          this.sealed.set(groupId, seal.epoch);
        }
        const sealedEpoch = leading ? (this.sealed.get(groupId) ?? 0) : 0;
        const { replicaId } = mine;
        return [report({ groupId, replicaId, leading, sealedEpoch, endOffset: 5 })];
      });
      if (this.silent) continue;
      const request = { nodeId, incarnation: `disk-${nodeId}`, replicas };
      const { heartbeat, reportReplicas } = this.#cluster.leader.services.coordinator;
      const of = { nodeId, incarnation: `disk-${nodeId}`, bootEpoch: 1 };
      void heartbeat({ ...of, state: "ready", nowMs: 0 }, CLUSTER).catch(() => undefined);
      void reportReplicas(request, CLUSTER).catch(() => undefined);
      await this.#cluster.pass(10);
    }
  }
}

/** What is wrong with one version of the metadata (S10). */
function problemsOf(view: MetadataView, brokers: Brokers): readonly string[] {
  const stream = view.stream(ACCOUNT, "orders");
  if (stream === undefined || stream.status === "CREATING") return [];
  const problems: string[] = [];
  const shards = view.shards(stream.streamId);
  const open = shards
    .filter(({ state }) => state === "open")
    .toSorted((a, b) => (a.range.startingHashKey < b.range.startingHashKey ? -1 : 1));
  let next = 0n;
  for (const { range, shardIndex } of open) {
    if (range.startingHashKey !== next)
      problems.push(`shard ${shardIndex} does not start at ${next}`);
    next = range.endingHashKey + 1n;
  }
  if (next !== HASH_KEY_MAX + 1n) problems.push(`keys from ${next} on have no owner`);
  for (const shard of shards) {
    for (const parent of parentsOf(shards, shard)) {
      const name = `shard ${shard.shardIndex} of ${parent.shardIndex}`;
      if (shard.createdAtSec <= parent.createdAtSec) problems.push(`${name} is not younger`);
      const isEarly = shard.state !== "opening" && !brokers.sealed.has(parent.groupId);
      if (isEarly) problems.push(`${name} is ${shard.state} before its parent is sealed`);
    }
  }
  return problems;
}

function parentsOf(shards: readonly Shard[], child: Shard): readonly Shard[] {
  const indexes = [child.parentShardIndex, child.adjacentParentShardIndex];
  return shards.filter(({ shardIndex }) => indexes.includes(shardIndex));
}

async function formed(): Promise<FakeCluster> {
  const cluster = new FakeCluster(3, { aliveMs: 1e9, trimClockIntervalMs: 1e9 });
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
  await cluster.run(cluster.leader.services.coordinator.createStream(createRequest(), KEY));
  return cluster;
}

async function play(steps: readonly Step[]): Promise<void> {
  const cluster = await formed();
  const brokers = new Brokers(cluster);
  const problems: string[] = [];
  let versions = 0;
  for (const nodeId of NODES) {
    const view = cluster.node(nodeId).localView;
    view.onChange(() => {
      versions++;
      problems.push(...problemsOf(view, brokers));
    });
  }
  for (const each of steps) {
    await take(cluster, brokers, each);
    await brokers.work();
  }
  brokers.silent = false;
  cluster.held = false;
  cluster.commitSoon();
  for (let round = 0; round < 8; round++) {
    await cluster.pass(600);
    await brokers.work();
  }
  expect(problems).toEqual([]);
  expect(versions).toBeGreaterThan(0);
  expect(cluster.leader.localView.stream(ACCOUNT, "orders")?.status).toBe("ACTIVE");
  const states = cluster.leader.localView.list("shard").map(({ state }) => state);
  expect(states.filter((state) => state !== "open" && state !== "closed")).toEqual([]);
}

async function take(cluster: FakeCluster, brokers: Brokers, each: Step): Promise<void> {
  const ignore = (): undefined => undefined; // refusals are part of the play
  const { coordinator } = cluster.leader.services;
  const { localView } = cluster.leader;
  const streamId = localView.stream(ACCOUNT, "orders")?.streamId ?? "";
  const open = localView.shards(streamId).filter(({ state }) => state === "open");
  switch (each.kind) {
    case "split": {
      const shard = open[each.pick % Math.max(1, open.length)];
      if (shard === undefined) return;
      const request = { ...target, shardIndex: shard.shardIndex, newStartingHashKey: "" };
      return void coordinator.splitShard(request, KEY).catch(ignore);
    }
    case "merge": {
      const ordered = open.toSorted((a, b) =>
        a.range.startingHashKey < b.range.startingHashKey ? -1 : 1,
      );
      const at = each.pick % Math.max(1, ordered.length - 1);
      const [lower, upper] = [ordered[at], ordered[at + 1]];
      if (lower === undefined || upper === undefined) return;
      const pair = { shardIndex: lower.shardIndex, adjacentShardIndex: upper.shardIndex };
      return void coordinator.mergeShards({ ...target, ...pair }, KEY).catch(ignore);
    }
    case "cancel":
      return void coordinator.cancelReshard(target, KEY).catch(ignore);
    case "elect":
      return cluster.elect(each.nodeId, each.fate);
    case "pass":
      return cluster.pass(Math.min(each.ms, 700));
    case "silence":
    case "speak":
      brokers.silent = each.kind === "silence";
      return;
    default:
      cluster.held = each.kind === "hold";
      cluster.commitSoon();
  }
}

describe(`splits and merges, seed ${SEED}`, () => {
  it("keep one owner for every hash key at each version, and end, whoever leads (S10)", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), play), {
      seed: SEED,
      numRuns: 60,
    });
  });
});
