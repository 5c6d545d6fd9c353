/**
 * The coordinator's half of a membership change, against any interleaving of what brokers say: whatever
 * they report, whenever disks are replaced or damaged, leaders crash and people change their minds,
 * nothing that must hold of placements is broken.
 */

import type { GroupPlacement } from "@millrace/model";
import { isDeadReplica, placementPolicy } from "@millrace/model";
import { array, assert, nat, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import { LIFECYCLE_TIMING_DEFAULT, nextStep } from "./lifecycle-step.ts";
import { MEMBERS_TIMING_DEFAULT } from "./members-step.ts";
import type { Command, CommandOf } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { MetadataState } from "./state/metadata-state.ts";

const NODES = [1, 2, 3, 4, 5];
const SHARDS = 5;
const MINUTE_MS = 60_000;

/** A group as its own leader has it: what a report may say. */
interface Actual {
  confIndex: number;
  voters: number[];
}

const idOf = ({ replicaId }: { readonly replicaId: number }): number => replicaId;

class World {
  state = new MetadataState();
  #nowMs = 1_000_000;
  #leaderSinceMs = 1_000_000;
  /** Retired replicas that were reported to be gone. */
  readonly #reportedGone = new Set<string>();
  readonly #forgotten = new Set<string>();
  /** Replicas that are damaged, or whose disk was replaced. */
  readonly #dead = new Set<number>();
  readonly #actual = new Map<number, Actual>();
  readonly #incarnations = new Map(NODES.map((nodeId) => [nodeId, 1]));
  readonly #silent = new Map<number, number>();
  readonly #seenIds = new Set<number>();
  readonly #retired = new Set<string>();
  #index = 0;

  constructor() {
    this.#commit({
      kind: "form-cluster",
      clusterId: "c",
      account: "000000000000",
      region: "r",
      createdAtMs: 1,
      limits: "unlimited" as never,
      sealedTokenKey: "",
      accessKeyId: "a",
      sealedSecret: "",
      nodes: [],
      nextReplicaId: 4,
      voters: [1, 2, 3].map((nodeId) => {
        return { replicaId: nodeId, nodeId, incarnation: "inc1", state: "created" };
      }),
    });
    for (const nodeId of NODES) this.#register(nodeId);
    this.#commit({
      kind: "create-stream",
      account: "000000000000",
      streamName: "s",
      streamId: "id",
      streamMode: "PROVISIONED",
      retentionHours: 24,
      maxRecordSizeKib: 1024,
      tags: {},
      nowMs: 1,
      brokers: NODES.map((nodeId) => ({ nodeId, incarnation: "inc1" })),
      placements: Array.from({ length: SHARDS }, (_, at) =>
        [0, 1, 2].map((next) => (at + next) % 5),
      ),
    });
    for (const { groupId, replicas } of this.#placements()) {
      for (const { replicaId, nodeId } of replicas) this.#created(nodeId, groupId, replicaId);
    }
    this.#commit({
      kind: "activate-stream",
      account: "000000000000",
      streamName: "s",
      streamId: "id",
    });
    for (const { groupId, replicas } of this.#placements()) {
      const voters = replicas.map(({ replicaId }) => replicaId);
      this.#actual.set(groupId, { confIndex: 0, voters });
    }
  }

  step(kind: number, a: number, b: number): void {
    const nodeId = NODES[a % NODES.length] ?? 1;
    const placed = this.#placements()[b % (SHARDS + 1)];
    if (placed === undefined) return;
    switch (kind) {
      case 0:
        this.#replaceDisk(nodeId);
        break;
      case 1:
        if (!this.#silent.delete(nodeId)) this.#silent.set(nodeId, this.#nowMs);
        break;
      case 2:
        this.#commit({
          kind: "set-node-goal",
          nodeId,
          goal: b % 2 === 0 ? "decommission" : "serve",
        });
        break;
      case 3:
        if (placed.move?.add !== undefined) {
          this.#created(placed.move.add.nodeId, placed.groupId, placed.move.add.replicaId);
        }
        break;
      case 4:
        this.#advance(placed, b % 3 === 0);
        break;
      case 5:
        this.#report(placed.groupId, Math.max(0, (a % 5) - 3));
        break;
      case 6:
        this.#damage(nodeId, placed);
        break;
      case 7:
        this.#commit({ kind: "set-rebalancing", on: b % 3 > 0, nowMs: this.#nowMs });
        break;
      case 8:
        this.#crash();
        break;
      case 9:
        this.#nowMs += (b % 20) * MINUTE_MS;
        break;
      case 10:
        this.#dropRetired();
        break;
      case 11:
        this.#commit({ kind: "cancel-move", groupId: placed.groupId });
        break;
      default:
        this.#reconcile();
    }
    this.#check();
  }

  /** After faults: with all nodes back, every move ends. */
  settle(): void {
    this.#silent.clear();
    for (const nodeId of NODES) this.#commit({ kind: "set-node-goal", nodeId, goal: "serve" });
    this.#commit({ kind: "set-rebalancing", on: true, nowMs: this.#nowMs });
    for (let round = 0; round < 200; round += 1) {
      this.#nowMs += 1_000;
      this.#reconcile();
      this.#dropRetired();
      for (const placed of this.#placements()) {
        const { move, groupId } = placed;
        if (move?.add !== undefined) this.#created(move.add.nodeId, groupId, move.add.replicaId);
        this.#advance(placed, false);
        this.#report(groupId, 0);
      }
      this.#check();
    }
    expect(this.#placements().filter(({ move }) => move !== undefined)).toEqual([]);
    expect(this.#placements().flatMap(({ replicas }) => replicas.filter(isDeadReplica))).toEqual(
      [],
    );
    expect(this.state.view.cluster()?.rebalancingSinceMs).toBeUndefined();
    const held = NODES.map((nodeId) => {
      const holds = ({ replicas }: GroupPlacement) => replicas.some((one) => one.nodeId === nodeId);
      return this.state.view.list("shard").filter(holds).length;
    });
    expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
  }

  #replaceDisk(nodeId: number): void {
    const there = this.#placements().flatMap(({ groupId, replicas, move }) =>
      [...replicas, ...(move?.add === undefined ? [] : [move.add])]
        .filter((replica) => replica.nodeId === nodeId)
        .map(({ replicaId }) => ({ groupId, replicaId })),
    );
    if (!there.every(({ groupId, replicaId }) => this.#canLose(groupId, replicaId))) return;
    for (const { replicaId } of there) this.#dead.add(replicaId);
    this.#incarnations.set(nodeId, (this.#incarnations.get(nodeId) ?? 0) + 1);
    this.#register(nodeId);
  }

  /** A group that loses its majority for good can do nothing any more: histories spare it. */
  #canLose(groupId: number, replicaId: number): boolean {
    const placed = this.#placements().find((one) => one.groupId === groupId);
    const sets = [this.#actual.get(groupId)?.voters ?? [], (placed?.replicas ?? []).map(idOf)];
    return sets.every((ids) => {
      const left = ids.filter((id) => id !== replicaId && !this.#dead.has(id));
      return left.length * 2 > ids.length;
    });
  }

  #damage(nodeId: number, { groupId, replicas, move }: GroupPlacement): void {
    const added = move?.add === undefined ? [] : [move.add];
    const replica = [...replicas, ...added].find((one) => one.nodeId === nodeId);
    if (replica === undefined || !this.#canLose(groupId, replica.replicaId)) return;
    this.#dead.add(replica.replicaId);
    this.#commit({
      kind: "report-replicas",
      nodeId,
      incarnation: `inc${this.#incarnations.get(nodeId)}`,
      replicas: [{ groupId, replicaId: replica.replicaId, state: "damaged", leading: false }],
    });
  }

  /** Another leader, which knows what is committed and has heard of nobody. */
  #crash(): void {
    const bytes = this.state.snapshot();
    this.state = new MetadataState();
    this.state.restore(bytes, this.#index);
    this.#leaderSinceMs = this.#nowMs;
  }

  /** Brokers that are there follow the orders whose grace is over on the cluster's clock. */
  #dropRetired(): void {
    const cluster = this.state.view.cluster();
    const { dropGraceMs } = placementPolicy(cluster);
    for (const { groupId, replica, deletedAtMs } of this.state.retired.values()) {
      const { nodeId, incarnation, replicaId } = replica;
      if (this.#silent.has(nodeId) || !this.#isOn(nodeId, incarnation)) continue;
      const isGone = isDeadReplica(replica) || replica.state === "creating";
      if (!isGone && (cluster?.trimClockMs ?? 0) < deletedAtMs + dropGraceMs) continue;
      this.#reportedGone.add(`${groupId}/${replicaId}`);
      const replicas = [{ groupId, replicaId, state: "removed", leading: false }] as const;
      this.#commit({ kind: "report-replicas", nodeId, incarnation, replicas });
    }
  }

  /** The group's leader carries out what metadata asks of it. */
  #advance(placed: GroupPlacement, isCancelLate: boolean): void {
    const actual = this.#actual.get(placed.groupId);
    const { move } = placed;
    if (actual === undefined || move === undefined || actual.confIndex !== move.fromConfIndex)
      return;
    const isReady = move.add === undefined || move.add.state === "created";
    if (!isReady && !move.cancelled) return;
    actual.confIndex += 3;
    if (!isReady || (move.cancelled && !isCancelLate)) return;
    actual.voters = actual.voters.filter((id) => id !== move.removeReplicaId);
    if (move.add !== undefined) actual.voters.push(move.add.replicaId);
  }

  #report(groupId: number, late: number): void {
    const actual = this.#actual.get(groupId);
    if (actual === undefined || actual.confIndex === 0) return;
    const confIndex = Math.max(1, actual.confIndex - late * 3);
    const before = this.#placements().find((placed) => placed.groupId === groupId);
    const { voters } = actual;
    this.#commit({ kind: "report-members", groupId, confIndex, voters, nowMs: this.#nowMs });
    const after = this.#placements().find((placed) => placed.groupId === groupId);
    // One in and one out at most: what a joint change can do with intersecting quorums (S8).
    const ids = (placed: GroupPlacement | undefined): readonly number[] =>
      (placed?.replicas ?? []).map(idOf);
    expect(ids(before).filter((id) => !ids(after).includes(id)).length).toBeLessThanOrEqual(1);
    expect(ids(after).filter((id) => !ids(before).includes(id)).length).toBeLessThanOrEqual(1);
  }

  #reconcile(): void {
    const step = nextStep({
      state: this.state,
      timing: LIFECYCLE_TIMING_DEFAULT,
      nowMs: this.#nowMs,
      monotonicMs: this.#nowMs,
      forming: undefined,
      deletingSeenMs: new Map(),
      heardState: () => undefined,
      isAlive: (nodeId, incarnation) =>
        !this.#silent.has(nodeId) && this.#isOn(nodeId, incarnation),
      silentMs: (nodeId) => {
        const fromMs = this.#silent.get(nodeId);
        return fromMs === undefined ? 0 : this.#nowMs - Math.max(fromMs, this.#leaderSinceMs);
      },
      ownVoters: () => undefined,
    });
    if (step.kind === "start-move") {
      expect(this.#placements().filter((placed) => this.#canMove(placed)).length).toBeLessThan(
        MEMBERS_TIMING_DEFAULT.movesMax,
      );
    }
    if (step.kind === "drop-retired") this.#checkForgotten(step);
    if (step.kind !== "wait") this.#commit(step);
  }

  /** A move that its group can carry out now. */
  #canMove({ move, replicas }: GroupPlacement): boolean {
    const working = replicas.filter(
      ({ nodeId, incarnation, replicaId }) =>
        !this.#dead.has(replicaId) && !this.#silent.has(nodeId) && this.#isOn(nodeId, incarnation),
    );
    return move !== undefined && working.length * 2 > replicas.length;
  }

  /** An order to delete is forgotten only when it was followed, or nobody is there to follow it (S13). */
  #checkForgotten({ replicas }: CommandOf<"drop-retired">): void {
    for (const { groupId, replicaId } of replicas) {
      const record = this.state.retired.get(`retired/${groupId}/${replicaId}`);
      const { nodeId, incarnation } = record?.replica ?? { nodeId: 0, incarnation: "" };
      const node = this.state.nodes.get(nodeId);
      const isOwnerHere = node?.incarnation === incarnation && node.goal !== "removed";
      this.#forgotten.add(`${groupId}/${replicaId}`);
      expect(isOwnerHere && record?.replica.state !== "lost").toBe(false);
    }
  }

  #isOn(nodeId: number, incarnation: string): boolean {
    return incarnation === `inc${this.#incarnations.get(nodeId)}`;
  }

  #check(): void {
    const placements = this.#placements();
    for (const { groupId, replicas, move } of placements) {
      const staying = replicas.filter(({ replicaId }) => replicaId !== move?.removeReplicaId);
      const after = move?.add === undefined ? staying : [...staying, move.add];
      for (const set of [replicas, after]) {
        expect(new Set(set.map(({ nodeId }) => nodeId)).size).toBe(set.length); // R1
      }
      expect(replicas.length).toBeGreaterThanOrEqual(3);
      for (const { replicaId } of replicas)
        expect(this.#retired.has(`${groupId}/${replicaId}`)).toBe(false);
    }
    for (const { groupId, replica } of this.state.retired.values()) {
      this.#retired.add(`${groupId}/${replica.replicaId}`);
    }
    for (const key of this.#retired) {
      const isOrdered = this.state.retired.has(`retired/${key}`);
      expect(isOrdered || this.#reportedGone.has(key) || this.#forgotten.has(key)).toBe(true);
    }
    // R2, R3: an id that was ever placed is placed still, or was retired.
    const placed = new Set(
      placements.flatMap(({ replicas, move }) => [
        ...replicas.map(({ replicaId }) => replicaId),
        ...(move?.add === undefined ? [] : [move.add.replicaId]),
      ]),
    );
    for (const id of placed) this.#seenIds.add(id);
    const gone = [...this.#seenIds].filter((id) => !placed.has(id));
    const retiredIds = new Set([...this.#retired].map((key) => Number(key.split("/")[1])));
    expect(gone.filter((id) => !retiredIds.has(id))).toEqual([]);
  }

  #created(nodeId: number, groupId: number, replicaId: number): void {
    this.#commit({
      kind: "report-replicas",
      nodeId,
      incarnation: `inc${this.#incarnations.get(nodeId)}`,
      replicas: [{ groupId, replicaId, state: "created", leading: true }],
    });
  }

  #register(nodeId: number): void {
    this.#commit({
      kind: "register-node",
      node: {
        nodeId,
        incarnation: `inc${this.#incarnations.get(nodeId)}`,
        bootEpoch: 1,
        roles: ["coordinator", "broker"],
        host: `host-${nodeId}`,
        zone: "",
        addresses: { rpc: "r", admin: "a" },
        pid: 1,
        dataDir: "",
        version: "",
        state: "active",
      },
    });
  }

  #placements(): readonly GroupPlacement[] {
    const metadata = this.state.view.cluster()?.metadataGroup;
    return [...(metadata === undefined ? [] : [metadata]), ...this.state.view.list("shard")];
  }

  #commit(command: Command): void {
    this.#index += 1;
    this.state.apply([{ term: 1, index: this.#index, data: encodeCommand(command, 1) }]);
  }
}

describe("moves of replicas, under any reports and replaced disks", () => {
  it("keep nodes apart, ids unique, three replicas, and retire each that leaves; all end (R1 to R3, S8, S13, L3)", () => {
    assert(
      property(
        array(tuple(nat(16), nat(100), nat(100)), { minLength: 20, maxLength: 150 }),
        (steps) => {
          const world = new World();
          for (const [kind, a, b] of steps) world.step(kind, a, b);
          world.settle();
        },
      ),
      { numRuns: Number(process.env["MILLRACE_RUNS"] ?? 25), endOnFailure: true },
    );
  }, 120_000);
});
