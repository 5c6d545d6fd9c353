import { array, assert, asyncProperty, integer, nat, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import type { GroupMember } from "./types.ts";
import { History, LaneCluster } from "./testing/index.ts";

const GROUP = 3;
const NODES = 5;
const BORN = [31, 32, 33];

type Step = readonly [kind: number, a: number, b: number];

/** A coordinator that never forgets, and a cluster that fails around it. */
class Run {
  readonly history: History;
  readonly kind: "shard" | "metadata";
  readonly #cluster: LaneCluster;
  /** What the group has, as far as its leader said; and what it should have. */
  #settled: readonly GroupMember[] = BORN.map((replicaId, at) => ({ replicaId, nodeId: at + 1 }));
  #wanted: readonly GroupMember[] = this.#settled;
  readonly #confs = new Map<number, string>();
  /** Moves that came to their end. */
  moves = 0;
  #nextReplicaId = 100;
  /** A member of the settled group has lost its disk: there is no way back to it. */
  #isWiped = false;

  static async start(seed: number): Promise<Run> {
    const history = new History();
    const cluster = await LaneCluster.create({
      nodes: NODES,
      seed,
      delayMs: [1, 8],
      syncMs: 2,
      createStateMachine: history.createStateMachine,
      config: { compactAfterEntries: 12, sleepAfterMs: 400, commitIndexDelayMs: 100 },
    });
    history.watch(cluster);
    await cluster.createGroup(GROUP, {
      kind: seed % 2 === 0 ? "shard" : "metadata",
      nodes: [1, 2, 3],
      preferred: 1,
    });
    return new Run(cluster, history, seed % 2 === 0 ? "shard" : "metadata");
  }

  private constructor(cluster: LaneCluster, history: History, kind: "shard" | "metadata") {
    this.kind = kind;
    this.#cluster = cluster;
    this.history = history;
  }

  async step([kind, a, b]: Step): Promise<void> {
    const cluster = this.#cluster;
    const nodeId = (a % NODES) + 1;
    switch (kind) {
      case 0:
        // A majority of the disks stays: more would be more than the protocol promises to survive.
        if (cluster.isAlive(nodeId) && cluster.liveNodeIds.length > 3) {
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
        cluster.network.loss = (b % 30) / 100;
        break;
      case 4:
        cluster.network.heal();
        break;
      case 5:
        await this.#choose(nodeId, b);
        break;
      case 6:
        this.#cluster.leader(GROUP)?.stepDown();
        break;
      case 7:
        await cluster.run(b % 3 === 0 ? 1_500 : b % 300);
        break;
      case 8:
        this.#trim(nodeId);
        break;
      case 9:
        if (!this.#isWiped) this.#wanted = this.#settled; // cancelled
        break;
      case 10:
        await this.#wipe(nodeId);
        break;
      default:
        this.#work(b);
    }
    this.#move();
    await cluster.run(a % 20);
    this.#move();
    expect(this.history.broken).toEqual([]);
  }

  async finish(): Promise<void> {
    const cluster = this.#cluster;
    cluster.network.heal();
    for (const nodeId of cluster.nodeIds) {
      if (!cluster.isAlive(nodeId)) await cluster.restart(nodeId);
    }
    await cluster.runUntil(() => {
      this.#move();
      return this.#settled === this.#wanted && this.#hasConverged();
    }, 60_000);
    // What was moved away, or never let in, is no replica any more.
    for (const [key, machine] of this.history.machines) {
      const isMember = this.#wanted.some(({ replicaId }) => replicaId === machine.group.replicaId);
      if (!isMember) this.history.machines.delete(key);
    }
    this.history.checkEnd();
    expect(this.history.broken).toEqual([]);
    await cluster.stop();
  }

  /** Replaces one member by a new replica on `nodeId`, when the former move is over. */
  async #choose(nodeId: number, b: number): Promise<void> {
    const cluster = this.#cluster;
    const free = this.#settled.every((member) => member.nodeId !== nodeId);
    if (this.#settled !== this.#wanted || !free || !cluster.isAlive(nodeId)) return;
    const old = this.#settled[b % this.#settled.length];
    const replicaId = this.#nextReplicaId++;
    const lane = cluster.lane(nodeId);
    if (lane.group(GROUP) !== undefined) await cluster.until(lane.dropGroup(GROUP)); // its tombstone
    await cluster.until(
      lane.createGroup({
        groupId: GROUP,
        replicaId,
        kind: this.kind,
        members: [...this.#settled, { replicaId, nodeId }],
        voters: BORN,
      }),
    );
    this.#wanted = [...this.#settled.filter((one) => one !== old), { replicaId, nodeId }];
  }

  /** A member's disk is replaced, and with it the member (S8). One at a time: two would be a majority. */
  async #wipe(nodeId: number): Promise<void> {
    const cluster = this.#cluster;
    const old = this.#settled.find((member) => member.nodeId === nodeId);
    if (this.#settled !== this.#wanted || old === undefined) return;
    if (cluster.isAlive(nodeId)) cluster.kill(nodeId);
    cluster.replaceDisk(nodeId);
    await cluster.restart(nodeId);
    const replicaId = this.#nextReplicaId++;
    const successor = { replicaId, nodeId };
    const members = [...this.#settled, successor];
    const init = { groupId: GROUP, replicaId, kind: this.kind, members, voters: BORN };
    await cluster.until(cluster.lane(nodeId).createGroup(init));
    this.#isWiped = true;
    this.#wanted = [...this.#settled.filter((one) => one !== old), successor];
  }

  #move(): void {
    const leader = this.#cluster.leader(GROUP);
    for (const nodeId of this.#cluster.liveNodeIds) this.#watch(nodeId);
    if (leader === undefined) return;
    if (leader.moveMembers(this.#wanted).kind !== "there") return;
    if (this.#settled !== this.#wanted) this.moves += 1;
    this.#settled = this.#wanted;
    this.#isWiped = false;
  }

  /** One configuration per index, on every replica and over time (S8). */
  #watch(nodeId: number): void {
    const membership = this.#cluster.lane(nodeId).group(GROUP)?.membership;
    if (membership === undefined || membership.confIndex === 0) return;
    const { confIndex, voters, isJoint } = membership;
    const text = `${[...voters].sort((x, y) => x - y).join()} ${isJoint}`;
    const known = this.#confs.get(confIndex) ?? text;
    if (known !== text) {
      this.history.broken.push(`S8: ${confIndex} is ${text} on node ${nodeId}, was ${known}`);
    }
    this.#confs.set(confIndex, text);
  }

  #hasConverged(): boolean {
    const leader = this.#cluster.leader(GROUP);
    if (leader === undefined) return false;
    return this.#wanted.every(({ nodeId }) => {
      const group = this.#cluster.lane(nodeId).group(GROUP);
      return group?.appliedIndex === leader.lastIndex && !group.membership.isJoint;
    });
  }

  #work(b: number): void {
    for (const nodeId of this.#cluster.liveNodeIds) {
      const group = this.#cluster.lane(nodeId).group(GROUP);
      if (group === undefined) continue;
      if (b % 4 === 0) this.history.read(group);
      for (let i = 0; i <= b % 3; i += 1) this.history.propose(group, b % 100);
    }
  }

  #trim(nodeId: number): void {
    if (!this.#cluster.isAlive(nodeId) || this.kind !== "shard") return;
    const group = this.#cluster.lane(nodeId).group(GROUP);
    group?.trim(group.appliedIndex - 2);
  }
}

describe("a group whose members change under faults", () => {
  it("keeps S1 to S4, S6 to S8 and S12, and ends in the members that were asked for (L1 to L3)", async () => {
    let moves = 0;
    const step = tuple(nat(15), nat(1_000), nat(1_000));
    await assert(
      asyncProperty(
        integer({ min: 1, max: 1_000_000 }),
        array(step, { minLength: 30, maxLength: 90 }),
        async (seed, steps) => {
          const run = await Run.start(seed);
          for (const one of steps) await run.step(one);
          await run.finish();
          moves += run.moves;
        },
      ),
      { numRuns: Number(process.env["MILLRACE_RUNS"] ?? 15), endOnFailure: true },
    );
    expect(moves).toBeGreaterThan(0); // or nothing was tested
  }, 300_000);
});
