/**
 * Everything that changes shards, at once: streams come and go, shards split and merge, replicas move, get lost
 * and are reported gone, disks are replaced, nodes emptied, days pass, leaders begin from snapshots.
 */
import { assertNever } from "@millrace/base";
import type { GroupPlacement, ReplicaPlacement, ShardRecord, StreamRecord } from "@millrace/model";
import { HASH_KEY_MAX } from "@millrace/model";
import type { Arbitrary } from "fast-check";
import { array, assert, constant, nat, oneof, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { LIFECYCLE_TIMING_DEFAULT, nextStep } from "./lifecycle-step.ts";
import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { MetadataState } from "./state/metadata-state.ts";
import type { Outcome } from "./state/outcome.ts";
import { ACCOUNT, createCommand, formCommand, nodeRecord } from "./testing/samples.ts";

const SEED = Number(process.env["FC_SEED"] ?? 20_261_125);
const RUNS = Number(process.env["FC_RUNS"] ?? 60);
const NODES = [1, 2, 3, 4, 5];
/** Steps that the leader takes for one event at most; more would be steps that change nothing. */
const STEPS_MAX = 300;
const KINDS = [
  ["create", 1],
  ["delete", 0.5],
  ["split", 3],
  ["merge", 3],
  ["cancel", 0.5],
  ["confirm", 14],
  ["damage", 1],
  ["seal", 6],
  ["members", 4],
  ["disk", 1],
  ["goal", 1],
  ["rebalance", 1],
  ["gone", 3],
  ["pass", 1],
  ["restore", 1],
] as const;
type Kind = (typeof KINDS)[number][0];
interface Event {
  readonly kind: Kind;
  readonly pick: number;
  readonly pick2: number;
}

const event: Arbitrary<Event> = record({
  kind: oneof(
    ...KINDS.map(([kind, weight]) => ({ weight: 2 * weight, arbitrary: constant<Kind>(kind) })),
  ),
  pick: nat(1000),
  pick2: nat(1000),
});

interface Known {
  readonly groupId: number;
  readonly replica: ReplicaPlacement;
}

class World {
  state = new MetadataState();
  nowMs = 1_700_000_100_000;
  /** What came about at some time. */
  readonly seen = new Set<string>();
  #streams = 0;
  #earlier: readonly [Uint8Array, number] = [new Uint8Array(0), 0];
  /** Every replica that metadata ever named, until its data has gone. */
  readonly #known = new Map<number, Known>();
  readonly #disks = new Map(NODES.map((nodeId) => [nodeId, 1]));

  constructor() {
    this.#do(formCommand({ nodes: NODES.map((nodeId) => nodeRecord(nodeId)) }));
    this.take({ kind: "create", pick: 0, pick2: 0 });
  }

  take({ kind, pick, pick2 }: Event): void {
    const command = this.#command(kind, pick, pick2);
    if (command !== undefined) this.#do(command);
    this.#lead();
    this.#check();
  }

  #command(kind: Kind, pick: number, pick2: number): Command | undefined {
    const stream = at(this.state.view.list("stream"), pick2);
    const target = stream === undefined ? undefined : targetOf(stream);
    switch (kind) {
      case "create":
        return this.#create(pick);
      case "delete":
        return target && { kind: "delete-stream", ...target, nowMs: this.nowMs };
      case "split":
      case "merge":
        return stream && this.#reshard(stream, kind === "merge", pick);
      case "cancel":
        return target && { kind: "cancel-reshard", ...target, nowMs: this.nowMs };
      case "confirm":
      case "damage":
        return this.#report(kind === "damage", pick, pick2);
      case "seal":
        return this.#seal(pick, pick2);
      case "members":
        return this.#members(pick);
      case "disk":
        return this.#disk(pick);
      case "goal": {
        const goal = at(["serve", "serve", "drain", "decommission"] as const, pick2);
        const nodeId = at(NODES, pick);
        if (goal === undefined || nodeId === undefined) return undefined;
        return { kind: "set-node-goal", nodeId, goal };
      }
      case "rebalance":
        return { kind: "set-rebalancing", on: pick % 3 > 0, nowMs: this.nowMs };
      case "gone":
        return this.#gone(pick);
      case "pass":
        this.nowMs += [1000, 60_000, 3_600_000, 25 * 3_600_000][pick % 4] ?? 0;
        return undefined;
      case "restore":
        this.#restore();
        return undefined;
      default:
        return assertNever(kind);
    }
  }

  #create(pick: number): Command {
    const streamId = `id-${++this.#streams}`;
    const placements = [
      [0, 1, 2],
      [2, 3, 4],
    ].slice(0, 1 + (pick % 2));
    const streamName = pick % 5 < 3 ? "orders" : "clicks";
    return createCommand({
      streamName,
      streamId,
      placements,
      nowMs: this.nowMs,
      brokers: this.#brokers(),
    });
  }

  #brokers() {
    return NODES.map((nodeId) => ({ nodeId, incarnation: this.#incarnation(nodeId) }));
  }

  #reshard(stream: StreamRecord, isMerge: boolean, pick: number): Command | undefined {
    const open = openOf(this.state.view.shards(stream.streamId));
    const first = pick % Math.max(1, open.length);
    const parents = open.slice(first, first + (isMerge ? 2 : 1));
    if (parents.length === 0) return undefined;
    return {
      kind: "start-reshard",
      ...targetOf(stream),
      parentShardIndexes: parents.map(({ shardIndex }) => shardIndex),
      nowMs: this.nowMs,
      brokers: this.#brokers(),
      placements:
        parents.length === 2
          ? [[0, 2, 4]]
          : [
              [1, 2, 3],
              [4, 0, 1],
            ],
    };
  }

  #report(isDamage: boolean, pick: number, pick2: number): Command | undefined {
    const waiting = this.#placements().flatMap(({ groupId, replicas, move }) =>
      [...replicas, ...(move?.add === undefined ? [] : [move.add])]
        .filter((replica) => this.#isHere(replica))
        .filter((replica) => replica.state === (isDamage ? "created" : "creating"))
        .map((replica) => ({ groupId, replica })),
    );
    const said = at(waiting, pick);
    if (said === undefined) return undefined;
    const { nodeId, incarnation } = said.replica;
    // Most brokers have several to tell of.
    const replicas = waiting
      .filter(({ replica }) => replica.nodeId === nodeId)
      .slice(0, isDamage ? 1 : 6)
      .map(({ groupId, replica: { replicaId } }) => {
        const state = isDamage ? ("damaged" as const) : ("created" as const);
        return { groupId, replicaId, state, leading: pick2 % 3 > 0 };
      });
    return { kind: "report-replicas", nodeId, incarnation, replicas };
  }

  #seal(pick: number, pick2: number): Command | undefined {
    const shard = at(
      this.state.view.list("shard").filter(({ seal }) => seal !== undefined),
      pick,
    );
    if (shard?.seal === undefined) return undefined;
    const { groupId, seal } = shard;
    const epoch = seal.epoch + (pick2 % 7 === 0 ? 1 : 0);
    const lastArrivalMs = this.nowMs + (pick2 % 2) * 3000;
    return {
      kind: "report-seal",
      groupId,
      epoch,
      endOffset: pick2,
      lastArrivalMs,
      nowMs: this.nowMs,
    };
  }

  #members(pick: number): Command | undefined {
    const placed = at(
      this.#placements().filter(({ move }) => move !== undefined),
      pick,
    );
    if (placed?.move === undefined) return undefined;
    const { groupId, replicas, move, confIndex = 0 } = placed;
    const isReady = !move.cancelled && (move.add === undefined || move.add.state === "created");
    if (!isReady && !move.cancelled) return undefined;
    const ids = replicas.map(({ replicaId }) => replicaId);
    const after = ids.filter((id) => id !== move.removeReplicaId);
    if (move.add !== undefined) after.push(move.add.replicaId);
    const voters = isReady ? after : ids;
    return { kind: "report-members", groupId, confIndex: confIndex + 3, voters, nowMs: this.nowMs };
  }

  #disk(pick: number): Command | undefined {
    const nodeId = at(NODES, pick);
    if (nodeId === undefined) return undefined;
    this.#disks.set(nodeId, (this.#disks.get(nodeId) ?? 0) + 1);
    const incarnation = this.#incarnation(nodeId);
    return { kind: "register-node", node: nodeRecord(nodeId, { incarnation }) };
  }

  #gone(pick: number): Command | undefined {
    const { tombstones, retired } = this.state;
    const ordered: readonly Known[] = [
      ...[...tombstones.values()].flatMap(({ groupId, replicas }) =>
        replicas.map((replica) => ({ groupId, replica })),
      ),
      ...retired.values(),
    ];
    const one = at(
      ordered.filter(({ replica }) => this.#isHere(replica)),
      pick,
    );
    if (one === undefined) return undefined;
    const { groupId, replica } = one;
    const { nodeId, incarnation, replicaId } = replica;
    this.#known.delete(replicaId);
    const replicas = [{ groupId, replicaId, state: "removed", leading: false }] as const;
    return { kind: "report-replicas", nodeId, incarnation, replicas };
  }

  /** A leader that begins from a snapshot knows the same as the one before. */
  #restore(): void {
    const other = new MetadataState();
    const [state, index] = this.#earlier;
    other.restore(state, index); // which it has to forget
    other.restore(this.state.snapshot(), this.state.view.index);
    this.#earlier = [this.state.snapshot(), this.state.view.index];
    expect(derived(other)).toEqual(derived(this.state));
    expect(Buffer.compare(other.snapshot(), this.state.snapshot())).toBe(0);
    this.state = other;
  }

  #do(command: Command): Outcome {
    const index = this.state.view.index + 1;
    this.state.apply([{ term: 1, index, data: encodeCommand(command, this.nowMs) }]);
    return this.state.outcome(index);
  }

  /** The leader's own steps fit the state that they were decided on, and come to an end. */
  #lead(): void {
    for (let steps = 0; ; steps++) {
      const deleting = [...this.state.unsettledStreams.values()].map(({ streamId }) => streamId);
      const step = nextStep({
        state: this.state,
        timing: LIFECYCLE_TIMING_DEFAULT,
        nowMs: this.nowMs,
        monotonicMs: this.nowMs,
        forming: undefined,
        deletingSeenMs: new Map(deleting.map((streamId) => [streamId, 0])),
        heardState: () => undefined,
        isAlive: (nodeId, incarnation) => this.#incarnation(nodeId) === incarnation,
        silentMs: () => 0,
        ownVoters: () => undefined,
      });
      if (step.kind === "wait") return;
      this.#learn();
      if (step.kind === "drop-retired") step.replicas.forEach((one) => this.#forget(one.replicaId));
      if (step.kind === "drop-tombstones") {
        const dropped = step.groupIds.flatMap(
          (id) => this.state.tombstones.get(id)?.replicas ?? [],
        );
        dropped.forEach(({ replicaId }) => this.#forget(replicaId));
      }
      expect([step, this.#do(step)]).toEqual([step, undefined]);
      expect(steps).toBeLessThan(STEPS_MAX);
    }
  }

  /** An order to delete is forgotten when nobody is left who could follow it. */
  #forget(replicaId: number): void {
    const replica = this.#known.get(replicaId)?.replica;
    this.#known.delete(replicaId);
    if (replica === undefined || !this.#isHere(replica)) return;
    const isRemoved = this.state.nodes.get(replica.nodeId)?.goal === "removed";
    expect([
      replica,
      isRemoved || replica.state === "creating" || replica.state === "lost",
    ]).toEqual([replica, true]);
  }

  #learn(): void {
    for (const { groupId, replicas, move } of this.#placements()) {
      for (const replica of replicas) this.#known.set(replica.replicaId, { groupId, replica });
      if (move?.add !== undefined)
        this.#known.set(move.add.replicaId, { groupId, replica: move.add });
    }
    for (const { groupId, replicas } of this.state.tombstones.values()) {
      for (const replica of replicas) this.#known.set(replica.replicaId, { groupId, replica });
    }
    for (const { groupId, replica } of this.state.retired.values()) {
      this.#known.set(replica.replicaId, { groupId, replica });
    }
  }

  #check(): void {
    const named = new Set<number>();
    for (const { replicas, move } of this.#placements()) {
      for (const { replicaId } of replicas) named.add(replicaId);
      if (move?.add !== undefined) named.add(move.add.replicaId);
      expect(new Set(replicas.map(({ nodeId }) => nodeId)).size).toBe(replicas.length);
    }
    for (const { replicas } of this.state.tombstones.values()) {
      for (const { replicaId } of replicas) named.add(replicaId);
    }
    for (const { replica } of this.state.retired.values()) named.add(replica.replicaId);
    // S13: what has data somewhere is placed, or ordered to go.
    const lost = [...this.#known.keys()].filter((replicaId) => !named.has(replicaId));
    expect(lost.map((replicaId) => this.#known.get(replicaId))).toEqual([]);
    this.#learn();
    for (const stream of this.state.view.list("stream")) checkStream(stream, this.state);
    for (const shard of this.state.view.list("shard")) {
      if (shard.state === "closed") this.seen.add("reshard");
      if ((shard.confIndex ?? 0) > 0) this.seen.add("move");
      if (shard.state === "closed" && shard.move !== undefined)
        this.seen.add("move of a closed shard");
    }
  }

  #placements(): readonly GroupPlacement[] {
    return this.state.view.list("shard");
  }

  #incarnation(nodeId: number): string {
    const disk = this.#disks.get(nodeId) ?? 0;
    return disk === 1 ? `disk-${nodeId}` : `disk-${nodeId}.${disk}`;
  }

  #isHere({ nodeId, incarnation }: ReplicaPlacement): boolean {
    return this.#incarnation(nodeId) === incarnation;
  }
}

/** S10, and that exactly what a reshard names is on its way. */
function checkStream(stream: StreamRecord, { view }: MetadataState): void {
  const shards = view.shards(stream.streamId);
  const opening = shards.filter(({ state }) => state === "opening");
  const children = opening.map(({ shardIndex }) => shardIndex);
  expect(children).toEqual(stream.reshard?.childShardIndexes ?? []);
  expect(stream.reshard !== undefined).toBe(stream.status === "UPDATING");
  if (stream.status !== "ACTIVE" && stream.status !== "UPDATING") return;
  let next = 0n;
  for (const { range } of openOf(shards)) {
    expect(range.startingHashKey).toBe(next);
    next = range.endingHashKey + 1n;
  }
  expect(next).toBe(HASH_KEY_MAX + 1n);
  const unsealed = shards.filter(({ seal, state }) => {
    return state === "closed" && seal?.endOffset === undefined;
  });
  expect(unsealed).toEqual([]);
  for (const child of shards) {
    for (const index of [child.parentShardIndex, child.adjacentParentShardIndex]) {
      const parent = index === undefined ? undefined : view.shard(stream.streamId, index);
      if (parent === undefined) continue;
      expect(child.createdAtSec).toBeGreaterThan(parent.createdAtSec);
      expect(parent.state).toBe(child.state === "opening" ? "open" : "closed");
    }
  }
}

function derived(state: MetadataState) {
  const { auxiliary, closedShards, nodes, retired, tombstones, unsettledStreams } = state;
  const { unsettledGroups, streamCount } = state;
  const maps = { closedShards, nodes, retired, tombstones, unsettledGroups, unsettledStreams };
  return { auxiliary, maps, streamCount };
}

function openOf<
  S extends Pick<ShardRecord, "state"> & { readonly range: { readonly startingHashKey: bigint } },
>(shards: readonly S[]): readonly S[] {
  return shards
    .filter(({ state }) => state === "open")
    .toSorted((a, b) => (a.range.startingHashKey < b.range.startingHashKey ? -1 : 1));
}

function targetOf({ streamName, streamId }: StreamRecord) {
  return { account: ACCOUNT, streamName, streamId };
}

function at<T>(all: readonly T[], pick: number): T | undefined {
  return all[pick % Math.max(1, all.length)];
}

describe(`streams, shards and replicas that change at once, seed ${SEED}`, () => {
  it("keep one owner of every key, forget no data, and need no step that does not fit (S10, S13)", () => {
    const seen = new Map<string, number>();
    assert(
      property(array(event, { minLength: 60, maxLength: 150, size: "max" }), (events) => {
        const world = new World();
        for (const each of events) world.take(each);
        for (const what of world.seen) seen.set(what, (seen.get(what) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    // A world in which nothing happens shows nothing.
    const rare = ["reshard", "move", "move of a closed shard"].filter(
      (what) => (seen.get(what) ?? 0) < RUNS / 10,
    );
    expect([rare, seen]).toEqual([[], seen]);
  });
});
