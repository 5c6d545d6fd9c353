import { crc32 } from "node:zlib";

import { array, assert, asyncProperty, integer, nat, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import type { GroupMember } from "./types.ts";
import { History, LaneCluster } from "./testing/index.ts";

const GROUP = 3;
const NODES = 4;
const BORN = [31, 32, 33];
/** Whose disk rots: one alone, so that a majority of whole copies stays. */
const ROTTEN = 2;
const KIB = 1024;

type Step = readonly [kind: number, a: number, b: number];

/** A coordinator that replaces what is reported as damaged, and a cluster with a disk that rots. */
class Run {
  readonly history: History;
  readonly #cluster: LaneCluster;
  #settled: readonly GroupMember[] = BORN.map((replicaId, at) => ({ replicaId, nodeId: at + 1 }));
  #wanted: readonly GroupMember[] = this.#settled;
  #nextReplicaId = 100;
  /** Bits that were flipped, replicas that were replaced for it, and ranges that were repaired. */
  readonly counts = { flips: 0, replaced: 0, repaired: 0, shipped: 0 };

  static async start(seed: number): Promise<Run> {
    const history = new History();
    const cluster = await LaneCluster.create({
      nodes: NODES,
      seed,
      delayMs: [1, 8],
      syncMs: 2,
      tailCacheBytes: 0,
      createStateMachine: history.createStateMachine,
      config: { sleepAfterMs: 400, commitIndexDelayMs: 100, shipAboveEntries: 8 },
    });
    history.watch(cluster);
    await cluster.createGroup(GROUP, { nodes: [1, 2, 3], preferred: 1 });
    return new Run(cluster, history);
  }

  private constructor(cluster: LaneCluster, history: History) {
    this.#cluster = cluster;
    this.history = history;
  }

  async step([kind, a, b]: Step): Promise<void> {
    const cluster = this.#cluster;
    const nodeId = (a % NODES) + 1;
    switch (kind) {
      case 0:
        if (cluster.isAlive(nodeId) && cluster.liveNodeIds.length > 3) {
          cluster.kill(nodeId, b % 2 === 0 ? "all" : "subset");
        }
        break;
      case 1:
        if (!cluster.isAlive(nodeId)) await this.#restart(nodeId);
        break;
      case 2:
        cluster.network.loss = (b % 30) / 100;
        break;
      case 3:
        cluster.network.heal();
        break;
      case 4:
        cluster.leader(GROUP)?.stepDown();
        break;
      case 5:
        await cluster.run(b % 3 === 0 ? 1_500 : b % 300);
        break;
      case 6:
        await this.#choose(nodeId, b);
        break;
      case 7:
      case 8:
        this.#flip(a, b);
        break;
      case 9:
        if (cluster.isAlive(ROTTEN))
          void cluster
            .lane(ROTTEN)
            .scrub()
            .catch(() => {});
        break;
      case 10:
        this.#trim(nodeId);
        break;
      default:
        this.#work(b);
    }
    await this.#replaceDamaged();
    this.#move();
    await cluster.run(a % 20);
    expect(this.history.broken).toEqual([]);
  }

  /** All faults end; the files are looked at once more, and every log must be whole and the same. */
  async finish(): Promise<void> {
    const cluster = this.#cluster;
    cluster.network.heal();
    for (const nodeId of cluster.nodeIds) {
      if (!cluster.isAlive(nodeId)) await this.#restart(nodeId);
    }
    await this.#converge(false);
    await cluster.until(cluster.lane(ROTTEN).scrub(), 60_000);
    await this.#converge(false);
    // Trims are replicated: what one replica has dropped the others drop, too, and nobody can give.
    const groups = this.#settled.map(({ nodeId }) => cluster.group(nodeId, GROUP));
    const first = Math.max(...groups.map(({ log }) => log.firstIndex()));
    for (const group of groups) group.trim(first - 1);
    await this.#converge(true);
    const logs = await Promise.all(this.#settled.map(({ nodeId }) => this.#logAt(nodeId)));
    const shortest = Math.min(...logs.map(({ length }) => length));
    for (const log of logs) expect(log.slice(-shortest)).toEqual(logs[0]?.slice(-shortest));
    for (const nodeId of cluster.nodeIds) this.#count(nodeId);
    for (const [key, machine] of this.history.machines) {
      const isMember = this.#settled.some(({ replicaId }) => replicaId === machine.group.replicaId);
      if (!isMember) this.history.machines.delete(key);
    }
    this.history.checkEnd();
    expect(this.history.broken).toEqual([]);
    await cluster.stop();
  }

  async #converge(isMended: boolean): Promise<void> {
    const cluster = this.#cluster;
    for (let round = 0; round < 600; round += 1) {
      await this.#replaceDamaged();
      this.#move();
      await cluster.run(200);
      const leader = cluster.leader(GROUP);
      const isWhole = this.#settled.every(({ replicaId, nodeId }) => {
        const group = cluster.lane(nodeId).group(GROUP);
        const isThere = group?.replicaId === replicaId && group.failed === undefined;
        const isMissing = isMended && isInRepair(group?.log);
        return isThere && group.appliedIndex === leader?.lastIndex && !isMissing;
      });
      if (this.#settled === this.#wanted && isWhole) return;
    }
    throw new Error("the group did not come to rest in 120 s");
  }

  /**
   * What the coordinator does with a report of damage or loss: a replica of another id in the same place.
   * A replica is lost when not even its name could be read.
   */
  async #replaceDamaged(): Promise<void> {
    const cluster = this.#cluster;
    for (const old of this.#settled) {
      const { replicaId, nodeId } = old;
      if (!cluster.isAlive(nodeId) || this.#settled !== this.#wanted) continue;
      const group = cluster.lane(nodeId).group(GROUP);
      if (group?.replicaId === replicaId && group.failed === undefined) continue;
      this.counts.replaced += 1;
      await this.#create(nodeId, old);
    }
  }

  /** Replaces one member by a new replica on `nodeId`, when the former move is over. */
  async #choose(nodeId: number, b: number): Promise<void> {
    const cluster = this.#cluster;
    const isFree = this.#settled.every((member) => member.nodeId !== nodeId);
    if (this.#settled !== this.#wanted || !isFree || !cluster.isAlive(nodeId)) return;
    const lane = cluster.lane(nodeId);
    const isHere = lane.group(GROUP) !== undefined || lane.damaged().length > 0;
    if (isHere) await cluster.until(lane.dropGroup(GROUP)); // its tombstone
    await this.#create(nodeId, this.#settled[b % this.#settled.length]);
  }

  async #create(nodeId: number, old: GroupMember | undefined): Promise<void> {
    const replicaId = this.#nextReplicaId++;
    const members = [...this.#settled, { replicaId, nodeId }];
    const order = { groupId: GROUP, replicaId, kind: "shard", members, voters: BORN } as const;
    this.#wanted = [...this.#settled.filter((one) => one !== old), { replicaId, nodeId }];
    await this.#cluster.until(this.#cluster.lane(nodeId).createGroup(order));
  }

  /** A node on which the replica that is to come was damaged, too, gets another. */
  #move(): void {
    const cluster = this.#cluster;
    const added = this.#wanted.find((one) => !this.#settled.includes(one));
    if (added !== undefined && cluster.isAlive(added.nodeId)) {
      const group = cluster.lane(added.nodeId).group(GROUP);
      if (group?.replicaId !== added.replicaId) this.#wanted = this.#settled; // cancelled
    }
    const leader = cluster.leader(GROUP);
    if (leader?.moveMembers(this.#wanted).kind !== "there") return;
    this.#settled = this.#wanted;
  }

  #flip(a: number, b: number): void {
    const { fileSystem } = this.#cluster.disk(ROTTEN);
    const files = fileSystem.paths().filter((path) => !path.endsWith("identity"));
    const path = files[a % files.length];
    const bytes = path === undefined ? 0 : fileSystem.bytesOf(path).length;
    if (path === undefined || bytes === 0) return;
    fileSystem.flipBit(path, (b * 7_919) % bytes, b % 8);
    this.counts.flips += 1;
  }

  #work(b: number): void {
    const payload = 20_000 + (b % 10_000);
    for (const nodeId of this.#cluster.liveNodeIds) {
      const group = this.#cluster.lane(nodeId).group(GROUP);
      if (group === undefined) continue;
      if (b % 4 === 0) this.history.read(group);
      for (let i = 0; i <= b % 3; i += 1) this.history.propose(group, payload);
    }
  }

  #trim(nodeId: number): void {
    if (!this.#cluster.isAlive(nodeId)) return;
    const group = this.#cluster.lane(nodeId).group(GROUP);
    group?.trim(group.appliedIndex - 10);
  }

  async #restart(nodeId: number): Promise<void> {
    if (this.#cluster.isAlive(nodeId)) this.#count(nodeId);
    await this.#cluster.restart(nodeId);
  }

  #count(nodeId: number): void {
    const { extentsRepaired, logsShipped } = this.#cluster.lane(nodeId).stats;
    this.counts.repaired += extentsRepaired;
    this.counts.shipped += logsShipped;
  }

  async #logAt(nodeId: number): Promise<readonly string[]> {
    const { log, appliedIndex } = this.#cluster.group(nodeId, GROUP);
    const found: string[] = [];
    for (let next = log.firstIndex(); next <= appliedIndex;) {
      const entries = await this.#cluster.until(
        log.fetchEntries(next, appliedIndex + 1, 1024 * KIB),
      );
      for (const { index, term, data } of entries) found.push(`${index} ${term} ${crc32(data)}`);
      next = (entries.at(-1)?.index ?? Infinity) + 1;
    }
    return found;
  }
}

function isInRepair(log: { damagedRanges(): readonly unknown[] } | undefined): boolean {
  return log !== undefined && log.damagedRanges().length > 0;
}

describe("a group with a disk that rots", () => {
  it("keeps S1 to S4, S6 to S8 and S12, and every log is whole again in the end (L2, E1)", async () => {
    const counts = { flips: 0, replaced: 0, repaired: 0, shipped: 0 };
    const step = tuple(nat(19), nat(1_000), nat(1_000));
    await assert(
      asyncProperty(
        integer({ min: 1, max: 1_000_000 }),
        array(step, { minLength: 40, maxLength: 100 }),
        async (seed, steps) => {
          const run = await Run.start(seed);
          for (const one of steps) await run.step(one);
          await run.finish();
          for (const name of ["flips", "replaced", "repaired", "shipped"] as const) {
            counts[name] += run.counts[name];
          }
        },
      ),
      { numRuns: Number(process.env["MILLRACE_RUNS"] ?? 8), endOnFailure: true },
    );
    expect(counts.flips).toBeGreaterThan(0);
    expect(counts.shipped + counts.repaired + counts.replaced).toBeGreaterThan(0);
  }, 600_000);
});
