import { SILENT_LOGGER, StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import type { MetadataChange } from "@millrace/model";
import { MetadataView } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { REPORT_AGAIN_MS } from "./bounds.ts";
import type { BrokerLane, GroupFacts, GroupInit, LaneGroup, ReplicaReport } from "./ports.ts";
import { Reconciler } from "./reconcile.ts";
import { ReplicaReports } from "./replica-reports.ts";
import {
  clusterRecord,
  GROUP_ID,
  HOUR_MS,
  retiredRecord,
  shardRecord,
  tombstoneRecord,
} from "./testing/fixtures.ts";

type State = "creating" | "created" | "lost" | "damaged";
const placed = (state: State, incarnation = "inc1") => ({
  replicas: [
    { replicaId: 12, nodeId: 2, incarnation: "inc2", state },
    { replicaId: 11, nodeId: 1, incarnation, state },
  ],
});

/** A lane that makes groups at once, and notes what it is told. */
class NotingLane implements BrokerLane {
  readonly here = new Set<number>();
  /** Replica ids that take no part, by group. */
  readonly broken = new Map<number, number>();
  #tell = (): void => {};
  readonly made: GroupInit[] = [];
  readonly log: string[] = [];
  async createGroup(init: GroupInit): Promise<void> {
    this.made.push(init);
    this.broken.delete(init.groupId);
    this.here.add(init.groupId);
  }
  /** Once: being told again changes nothing. */
  stopped(groupId: number): void {
    const line = `stopped ${groupId}`;
    if (this.log.at(-1) !== line) this.log.push(line);
  }
  async dropGroup(groupId: number): Promise<void> {
    this.log.push(`dropped ${groupId}`);
    this.broken.delete(groupId);
    this.here.delete(groupId);
  }
  /** Follows only: what a leader does is tested on real lanes. */
  group(groupId: number): LaneGroup | undefined {
    if (!this.here.has(groupId)) return undefined;
    const made = this.made.findLast((init) => init.groupId === groupId);
    return {
      groupId,
      replicaId: made?.replicaId ?? 11,
      term: 1,
      isReadyLeader: false,
      membership: { confIndex: 0, voters: [], learners: [], isJoint: false },
      entriesBehind: () => undefined,
      moveMembers: () => ({ kind: "there" }),
      transferLeadership() {},
    };
  }
  isNodeLive(): boolean {
    return true;
  }
  damaged() {
    return [...this.broken].map(([groupId, replicaId]) => ({ groupId, replicaId, reason: "bits" }));
  }
  onDamaged(listener: () => void): () => void {
    this.#tell = listener;
    return () => (this.#tell = () => {});
  }
  /** The replica here is damaged from now on. */
  breaks(groupId: number, replicaId: number): void {
    this.here.delete(groupId);
    this.broken.set(groupId, replicaId);
    this.#tell();
  }
  groups(): Iterable<GroupFacts> {
    const facts = [...this.here].map((groupId) => ({
      groupId,
      replicaId: this.group(groupId)?.replicaId,
    }));
    return facts as unknown as Iterable<GroupFacts>; // nothing else of them is looked at
  }
}

const NO_JITTER = { uniform: () => 0, bytes: (length: number) => new Uint8Array(length) };

class Node {
  readonly clock = new VirtualClock();
  readonly view = new MetadataView();
  readonly lane = new NotingLane();
  readonly calls: (readonly ReplicaReport[])[] = [];
  readonly leading = new Set<number>();
  failures = 0;
  unknown = 0;
  readonly reports = new ReplicaReports(this.clock, NO_JITTER, SILENT_LOGGER, async (reports) => {
    this.calls.push(reports);
    if (this.failures-- > 0) throw new StreamError("unavailable", "no coordinator");
  });
  readonly reconciler = new Reconciler({
    view: this.view,
    lane: this.lane,
    nodeId: 1,
    incarnation: "inc1",
    clock: this.clock,
    logger: SILENT_LOGGER,
    reports: this.reports,
    isLeading: (groupId) => this.leading.has(groupId),
    stopServing: (groupId) => this.lane.stopped(groupId),
    unknownReplicas: {
      set: (count) => {
        this.unknown = count;
      },
    },
  });

  constructor() {
    this.reconciler.start();
  }

  async learn(...changes: readonly MetadataChange[]): Promise<void> {
    this.view.apply(this.view.index + 1, changes);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 5; rounds++) {
      this.clock.runSoon();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }
}

const report = (fields: Partial<ReplicaReport> = {}): ReplicaReport => ({
  groupId: GROUP_ID,
  replicaId: 11,
  state: "created",
  leading: false,
  removed: false,
  ...fields,
});

describe("following the metadata", () => {
  it("makes an ordered replica once, with all members, and reports it", async () => {
    const node = new Node();
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    await node.learn(clusterRecord());
    const members = [
      { replicaId: 12, nodeId: 2 },
      { replicaId: 11, nodeId: 1 },
    ];
    expect(node.lane.made).toEqual([
      { groupId: GROUP_ID, replicaId: 11, kind: "shard", members, preferredLeader: false },
    ]);
    expect(node.calls).toEqual([[report()]]);
  });

  it("campaigns first where it is the first replica", async () => {
    const node = new Node();
    const replicas = placed("creating").replicas.toReversed();
    await node.learn(shardRecord({ state: "creating", replicas }));
    expect(node.lane.made[0]?.preferredLeader).toBe(true);
  });

  it("reports leading while the shard waits for that, then nothing more", async () => {
    const node = new Node();
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    node.leading.add(GROUP_ID);
    node.reconciler.roleChanged(GROUP_ID);
    await node.settle();
    expect(node.calls.at(-1)).toEqual([report({ leading: true })]);
    await node.learn(shardRecord({ state: "open", ...placed("created") }));
    const calls = node.calls.length;
    await node.pass(10 * REPORT_AGAIN_MS);
    expect(node.calls.length).toBe(calls);
  });

  it("reports again while metadata still says otherwise", async () => {
    const node = new Node();
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    await node.pass(REPORT_AGAIN_MS);
    await node.pass(REPORT_AGAIN_MS);
    expect(node.calls.length).toBeGreaterThan(1);
    expect(new Set(node.calls.map((call) => JSON.stringify(call)))).toEqual(
      new Set([JSON.stringify([report()])]),
    );
  });

  it("reports a damaged replica until that is recorded, and serves it no more (S7, S8)", async () => {
    const node = new Node();
    await node.learn(shardRecord(placed("creating")));
    await node.learn(shardRecord(placed("created")));
    const before = node.calls.length;
    node.lane.breaks(GROUP_ID, 11);
    await node.settle();
    await node.pass(REPORT_AGAIN_MS);
    expect([node.lane.log, node.calls.slice(before)]).toEqual([
      [`stopped ${GROUP_ID}`],
      [[report({ state: "damaged" })], [report({ state: "damaged" })]],
    ]);
    await node.learn(shardRecord(placed("damaged")));
    const calls = node.calls.length;
    await node.pass(10 * REPORT_AGAIN_MS);
    expect(node.calls.length).toBe(calls);
  });

  it("makes an ordered replica in the place of a damaged one, and never makes that again (S8)", async () => {
    const node = new Node();
    node.lane.breaks(GROUP_ID, 11);
    const add = { replicaId: 13, nodeId: 1, incarnation: "inc1", state: "creating" as const };
    const { replicas } = placed("damaged");
    const move = { add, removeReplicaId: 11, fromConfIndex: 0, cancelled: false };
    await node.learn(shardRecord({ replicas, initialVoters: [11, 12], move }));
    const made = node.lane.made.map(({ replicaId, voters }) => ({ replicaId, voters }));
    expect(made).toEqual([{ replicaId: 13, voters: [11, 12] }]);
    expect(node.calls.at(-1)).toEqual([report({ replicaId: 13 })]);
  });

  it("drops a damaged replica after the grace of its group's tombstone (S13)", async () => {
    const node = new Node();
    node.lane.breaks(GROUP_ID, 11);
    await node.learn(clusterRecord({ trimClockMs: 1_000 }));
    await node.learn(tombstoneRecord({ deletedAtMs: 1_000 }));
    const early = [...node.lane.log];
    await node.learn(clusterRecord({ trimClockMs: 2 * HOUR_MS }));
    await node.pass(REPORT_AGAIN_MS);
    expect([early, node.lane.log.at(-1)]).toEqual([[`stopped ${GROUP_ID}`], `dropped ${GROUP_ID}`]);
  });

  it("reports a replica lost that it once had, and never makes it again (S7, S8)", async () => {
    const node = new Node();
    await node.learn(shardRecord(placed("created")));
    expect([node.lane.made, node.calls]).toEqual([[], [[report({ state: "lost" })]]]);
    await node.learn(shardRecord(placed("lost")));
    await node.pass(10 * REPORT_AGAIN_MS);
    expect([node.lane.made, node.calls.length]).toEqual([[], 1]);
  });

  it("leaves replicas of an earlier incarnation of the node alone", async () => {
    const node = new Node();
    await node.learn(shardRecord({ state: "creating", ...placed("creating", "before") }));
    expect([node.lane.made, node.calls]).toEqual([[], []]);
  });

  it("deletes nothing because it is missing from the metadata (S13)", async () => {
    const node = new Node();
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    node.view.reset(node.view.index + 1, [clusterRecord()]);
    await node.pass(10 * REPORT_AGAIN_MS);
    expect([node.lane.log, [...node.lane.here]]).toEqual([[], [GROUP_ID]]);
    expect(node.unknown).toBe(1);
    const retired = retiredRecord();
    await node.learn(retired);
    await node.pass(REPORT_AGAIN_MS);
    expect(node.unknown).toBe(0); // an order to go is a word on it
  });

  it("stops serving on a tombstone, drops after the grace on the cluster's clock, then reports until that is gone (S13)", async () => {
    const node = new Node();
    await node.learn(clusterRecord({ trimClockMs: 1_000 }));
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    const { key } = shardRecord();
    await node.learn({ key, json: undefined }, tombstoneRecord({ deletedAtMs: 1_000 }));
    await node.pass(100 * HOUR_MS); // the broker's own clock says nothing
    await node.learn(clusterRecord({ trimClockMs: 1_000 + HOUR_MS - 1 }));
    expect(node.lane.log).toEqual([`stopped ${GROUP_ID}`]);
    await node.learn(clusterRecord({ trimClockMs: 1_000 + HOUR_MS }));
    expect(node.lane.log).toEqual([`stopped ${GROUP_ID}`, `dropped ${GROUP_ID}`]);
    expect(node.calls.at(-1)).toEqual([report({ removed: true })]);
    await node.learn({ key: tombstoneRecord().key, json: undefined });
    const calls = node.calls.length;
    await node.pass(10 * REPORT_AGAIN_MS);
    expect(node.calls.length).toBe(calls);
  });

  it("keeps a replica that was moved away for the grace, which is a setting, and drops it then (S13)", async () => {
    const node = new Node();
    await node.learn(clusterRecord({ placementPolicy: { dropGraceMs: 5_000 } }));
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    const elsewhere = [12, 13].map((replicaId) => {
      return { replicaId, nodeId: replicaId, incarnation: "inc", state: "created" } as const;
    });
    await node.learn(shardRecord({ replicas: elsewhere }), retiredRecord({ deletedAtMs: 0 }));
    await node.pass(10 * REPORT_AGAIN_MS);
    expect(node.lane.log).toEqual([`stopped ${GROUP_ID}`]);
    await node.learn(
      clusterRecord({ trimClockMs: 5_000, placementPolicy: { dropGraceMs: 5_000 } }),
    );
    expect(node.lane.log.at(-1)).toBe(`dropped ${GROUP_ID}`);
    expect(node.calls.at(-1)).toEqual([report({ removed: true })]);
  });

  it("drops a retired replica at once when its successor is to be made here", async () => {
    const node = new Node();
    await node.learn(clusterRecord());
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    const add = { replicaId: 20, nodeId: 1, incarnation: "inc1", state: "creating" } as const;
    const replicas = [{ replicaId: 12, nodeId: 2, incarnation: "inc2", state: "created" }] as const;
    const move = { add, fromConfIndex: 0, cancelled: false };
    await node.learn(shardRecord({ replicas, move }), retiredRecord());
    expect(node.lane.log).toEqual([`stopped ${GROUP_ID}`, `dropped ${GROUP_ID}`]);
    expect(node.lane.made.map(({ replicaId }) => replicaId)).toEqual([11, 20]);
    const removed = report({ removed: true });
    const told = (): readonly ReplicaReport[] => node.calls.flat();
    expect(told()).toContainEqual(removed);
    // Its word is not forgotten because metadata has nothing against the successor.
    const created = { ...add, state: "created" } as const;
    await node.learn(shardRecord({ replicas: [...replicas, created] }));
    const calls = told().length;
    await node.pass(2 * REPORT_AGAIN_MS);
    expect(told().slice(calls)).toContainEqual(removed);
    await node.learn({ key: retiredRecord().key, json: undefined });
    const quiet = told().length;
    await node.pass(10 * REPORT_AGAIN_MS);
    expect(told().length).toBe(quiet);
  });

  it("reports a tombstoned replica removed that is not here any more, as after a restart", async () => {
    const node = new Node();
    await node.learn(tombstoneRecord());
    expect(node.calls).toEqual([[report({ removed: true })]]);
  });

  it("tries a failed report again with backoff", async () => {
    const node = new Node();
    node.failures = 2;
    await node.learn(shardRecord({ state: "creating", ...placed("creating") }));
    expect(node.calls.length).toBe(1);
    await node.pass(100);
    expect(node.calls.length).toBe(2);
    await node.pass(199);
    expect(node.calls.length).toBe(2);
    await node.pass(1);
    expect(node.calls.length).toBe(3);
  });

  it("reports many groups in one call", async () => {
    const node = new Node();
    const shards = Array.from({ length: 50 }, (_, index) =>
      shardRecord({
        shardIndex: index,
        groupId: 100 + index,
        state: "creating",
        ...placed("creating"),
      }),
    );
    await node.learn(...shards);
    expect(node.lane.made.length).toBe(50);
    expect(node.calls.length).toBeLessThanOrEqual(5);
    expect(node.calls.flat().length).toBe(50);
  });
});
