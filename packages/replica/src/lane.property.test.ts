import { array, assert, asyncProperty, integer, nat, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import { History, LaneCluster } from "./testing/index.ts";

const GROUPS = [2, 3, 4];
const NODES = 3;

/** One step of a run: a number that names the kind, and two that the kind interprets. */
type Step = readonly [kind: number, a: number, b: number];

/** Faults and work, drawn by fast-check, which prints the seed of a run that fails. */
class Run {
  readonly history = new History();
  readonly #cluster: LaneCluster;

  static async start(seed: number): Promise<Run> {
    const history = new History();
    const cluster = await LaneCluster.create({
      nodes: NODES,
      seed,
      delayMs: [1, 8],
      syncMs: 2,
      createStateMachine: history.createStateMachine,
      config: {
        compactAfterEntries: 12,
        sleepAfterMs: 400,
        snapshotPartBytes: 256,
        shipAboveEntries: 8,
        appendBytesMax: 512,
        inflightAppendsMax: 4,
        inflightBytesMax: 2_048,
        commitIndexDelayMs: 100,
      },
    });
    history.watch(cluster);
    for (const groupId of GROUPS) {
      const kind = groupId === 2 ? "metadata" : "shard";
      await cluster.createGroup(groupId, { kind, preferred: (groupId % NODES) + 1 });
    }
    return new Run(cluster, history);
  }

  private constructor(cluster: LaneCluster, history: History) {
    this.#cluster = cluster;
    this.history = history;
  }

  async step([kind, a, b]: Step): Promise<void> {
    const cluster = this.#cluster;
    const nodeId = (a % NODES) + 1;
    const groupId = GROUPS[b % GROUPS.length] ?? 2;
    switch (kind) {
      case 0:
        if (cluster.isAlive(nodeId) && cluster.liveNodeIds.length > 1) {
          cluster.kill(nodeId, b % 2 === 0 ? "all" : "subset");
        }
        break;
      case 1:
        if (!cluster.isAlive(nodeId)) await cluster.restart(nodeId);
        break;
      case 2:
        cluster.network.partition(
          [nodeId],
          cluster.nodeIds.filter((id) => id !== nodeId),
        );
        break;
      case 3:
        cluster.network.cut(nodeId, (b % NODES) + 1);
        break;
      case 4:
        cluster.network.loss = (b % 40) / 100;
        break;
      case 5:
        cluster.network.heal();
        break;
      case 6:
        if (cluster.isAlive(nodeId)) cluster.group(nodeId, groupId).stepDown();
        break;
      case 7:
        await cluster.run(b % 3 === 0 ? 1_500 : b % 300);
        break;
      case 8:
        this.#trim(nodeId);
        break;
      default:
        this.#work(groupId, b);
    }
    await cluster.run(a % 20);
    expect(this.history.broken).toEqual([]);
  }

  /** Ends all faults; every rule must hold and every replica come to the same state. */
  async finish(): Promise<void> {
    const cluster = this.#cluster;
    cluster.network.heal();
    for (const nodeId of cluster.nodeIds) {
      if (!cluster.isAlive(nodeId)) await cluster.restart(nodeId);
    }
    await cluster.electAll(GROUPS, 20_000);
    await cluster.runUntil(() => GROUPS.every((groupId) => this.#hasConverged(groupId)), 20_000);
    this.history.checkEnd();
    expect(this.history.broken).toEqual([]);
    await cluster.stop();
  }

  #hasConverged(groupId: number): boolean {
    const leader = this.#cluster.leader(groupId);
    if (leader === undefined) return false;
    const groups = this.#cluster.nodeIds.map((nodeId) => this.#cluster.group(nodeId, groupId));
    return groups.every((group) => group.appliedIndex === leader.lastIndex);
  }

  /** Everybody who thinks that he leads is asked, so that deposed leaders are tried too (S11). */
  #work(groupId: number, b: number): void {
    for (const nodeId of this.#cluster.liveNodeIds) {
      const group = this.#cluster.group(nodeId, groupId);
      if (b % 4 === 0) this.history.read(group);
      for (let i = 0; i <= b % 3; i += 1) this.history.propose(group, b % 200);
    }
  }

  #trim(nodeId: number): void {
    if (!this.#cluster.isAlive(nodeId)) return;
    const group = this.#cluster.group(nodeId, 3);
    group.trim(group.appliedIndex - 2);
  }
}

describe("lanes under faults", () => {
  it("keep S1 to S4, S6, S7, S11 and S12, and converge when the faults end (L1, L2)", async () => {
    const step = tuple(nat(15), nat(1_000), nat(1_000));
    await assert(
      asyncProperty(
        integer({ min: 1, max: 1_000_000 }),
        array(step, { minLength: 20, maxLength: 80 }),
        async (seed, steps) => {
          const run = await Run.start(seed);
          for (const one of steps) await run.step(one);
          await run.finish();
        },
      ),
      { numRuns: Number(process.env["MILLRACE_RUNS"] ?? 25), endOnFailure: true },
    );
  });
});
