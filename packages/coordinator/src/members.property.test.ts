/**
 * The coordinator's half of a membership change, against any interleaving of what brokers say: whatever
 * they report, and whenever disks are replaced, nothing that must hold of placements is broken.
 */

import type { GroupPlacement } from "@millrace/model";
import { array, assert, nat, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import { MEMBERS_TIMING_DEFAULT, membersStep } from "./members-step.ts";
import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { MetadataState } from "./state/metadata-state.ts";

const NODES = [1, 2, 3, 4, 5];
const SHARDS = 3;

/** A group as its own leader has it: what a report may say. */
interface Actual {
  confIndex: number;
  voters: number[];
}

class World {
  readonly state = new MetadataState();
  readonly #actual = new Map<number, Actual>();
  readonly #incarnations = new Map(NODES.map((nodeId) => [nodeId, 1]));
  readonly #silent = new Set<number>();
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
      placements: Array.from({ length: SHARDS }, (_, at) => [at, at + 1, at + 2]),
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
        this.#incarnations.set(nodeId, (this.#incarnations.get(nodeId) ?? 0) + 1);
        this.#register(nodeId);
        break;
      case 1:
        if (!this.#silent.delete(nodeId)) this.#silent.add(nodeId);
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
      default:
        this.#reconcile();
    }
    this.#check();
  }

  /** After faults: with all nodes back, every move ends. */
  settle(): void {
    this.#silent.clear();
    for (const nodeId of NODES) this.#commit({ kind: "set-node-goal", nodeId, goal: "serve" });
    for (let round = 0; round < 200; round += 1) {
      this.#reconcile();
      for (const placed of this.#placements()) {
        const { move, groupId } = placed;
        if (move?.add !== undefined) this.#created(move.add.nodeId, groupId, move.add.replicaId);
        this.#advance(placed, false);
        this.#report(groupId, 0);
      }
      this.#check();
    }
    expect(this.#placements().filter(({ move }) => move !== undefined)).toEqual([]);
    const lost = this.#placements().flatMap(({ replicas }) =>
      replicas.filter(({ state }) => state === "lost"),
    );
    expect(lost).toEqual([]);
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
    this.#commit({ kind: "report-members", groupId, confIndex, voters: actual.voters, nowMs: 5 });
  }

  #reconcile(): void {
    const step = membersStep({
      state: this.state,
      timing: MEMBERS_TIMING_DEFAULT,
      nowMs: 10,
      retiredGraceMs: 1_000,
      isAlive: (nodeId, incarnation) =>
        !this.#silent.has(nodeId) && this.#isOn(nodeId, incarnation),
      silentMs: (nodeId) => (this.#silent.has(nodeId) ? 20 * 60_000 : 0),
    });
    if (step.kind !== "wait") this.#commit(step);
  }

  #isOn(nodeId: number, incarnation: string): boolean {
    return incarnation === `inc${this.#incarnations.get(nodeId)}`;
  }

  #check(): void {
    const placements = this.#placements();
    expect(placements.filter(({ move }) => move !== undefined).length).toBeLessThanOrEqual(
      MEMBERS_TIMING_DEFAULT.movesMax,
    );
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
  it("keep nodes apart, ids unique, three replicas, and retire each that leaves (R1 to R3, S13)", () => {
    assert(
      property(
        array(tuple(nat(9), nat(100), nat(100)), { minLength: 20, maxLength: 120 }),
        (steps) => {
          const world = new World();
          for (const [kind, a, b] of steps) world.step(kind, a, b);
          world.settle();
        },
      ),
      { numRuns: Number(process.env["MILLRACE_RUNS"] ?? 40), endOnFailure: true },
    );
  }, 120_000);
});
