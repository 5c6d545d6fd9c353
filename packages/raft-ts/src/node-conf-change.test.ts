/**
 * Membership changes from the proposal to the configuration, on running nodes.
 * Source: etcd-raft v3.7 rawnode_test; each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import type { ConfChangeSingle, ConfChangeType } from "./conf-change.ts";
import {
  confChangeEntry,
  LEAVE_JOINT,
  type ConfChange,
  type ConfChangeTransition,
} from "./conf-change-codec.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { confStateOf, entryOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { ConfState } from "./types.ts";
import { EMPTY_DATA } from "./types.ts";

const TYPES: Readonly<Record<string, ConfChangeType>> = {
  v: "ConfChangeAddNode",
  l: "ConfChangeAddLearnerNode",
  r: "ConfChangeRemoveNode",
};

/** `v2 l3 r1`: voter 2, learner 3, without 1. */
function changeOf(text: string, transition: ConfChangeTransition = "auto"): ConfChange {
  const changes = text.split(" ").map((one): ConfChangeSingle => {
    const type = TYPES[one.charAt(0)];
    if (type === undefined) throw new Error(`no change "${one}"`);
    return { type, nodeId: Number(one.slice(1)) };
  });
  return { transition, changes, context: asciiBytes("why") };
}

const joint = (fields: Partial<ConfState>): ConfState => ({ ...confStateOf([]), ...fields });

/** Node 1 leads alone; 2 and 3 start from the same configuration and will get the log. */
function alone(): TestCluster {
  const nodes = [1, 2, 3].map((id) => new TestNode(id, { voters: [1] }));
  const cluster = new TestCluster(nodes);
  cluster.campaign(1);
  return cluster;
}

function propose(cluster: TestCluster, change: ConfChange, asV1 = false): string | undefined {
  const refused = cluster.at(1).node.proposeConfChange(change, asV1);
  cluster.flow(cluster.at(1).drain());
  return refused?.code;
}

const ROWS: readonly {
  name: string;
  change: ConfChange;
  asV1?: boolean;
  /** The configuration once the change is applied, while nobody else answers. */
  first: ConfState;
  /** The configuration at the end, if it is another. */
  last?: ConfState;
}[] = [
  { name: "a voter, V1", change: changeOf("v2"), asV1: true, first: confStateOf([1, 2]) },
  { name: "a voter, V2", change: changeOf("v2"), first: confStateOf([1, 2]) },
  { name: "a learner, V1", change: changeOf("l2"), asV1: true, first: confStateOf([1], [2]) },
  { name: "a learner, V2", change: changeOf("l2"), first: confStateOf([1], [2]) },
  {
    name: "a voter with an explicit joint configuration",
    change: changeOf("v2", "joint-explicit"),
    first: joint({ voters: [1, 2], votersOutgoing: [1] }),
    last: confStateOf([1, 2]),
  },
  {
    name: "a voter with an implicit joint configuration",
    change: changeOf("v2", "joint-implicit"),
    first: joint({ voters: [1, 2], votersOutgoing: [1], autoLeave: true }),
    last: confStateOf([1, 2]),
  },
  {
    name: "two at once, automatic",
    change: changeOf("v2 v3"),
    first: joint({ voters: [1, 2, 3], votersOutgoing: [1], autoLeave: true }),
    last: confStateOf([1, 2, 3]),
  },
  {
    name: "a voter for a learner, the leader, automatic",
    change: changeOf("v2 l1 l3"),
    first: joint({
      voters: [2],
      votersOutgoing: [1],
      learners: [3],
      learnersNext: [1],
      autoLeave: true,
    }),
    last: confStateOf([2], [1, 3]),
  },
  {
    name: "the same, explicit",
    change: changeOf("v2 l1 l3", "joint-explicit"),
    first: joint({ voters: [2], votersOutgoing: [1], learners: [3], learnersNext: [1] }),
    last: confStateOf([2], [1, 3]),
  },
  {
    name: "the same, implicit",
    change: changeOf("v2 l1 l3", "joint-implicit"),
    first: joint({
      voters: [2],
      votersOutgoing: [1],
      learners: [3],
      learnersNext: [1],
      autoLeave: true,
    }),
    last: confStateOf([2], [1, 3]),
  },
];

describe("a membership change", () => {
  it.each(ROWS)(
    "of $name gives these configurations (TestRawNodeProposeAndConfChange)",
    ({ change, asV1, first, last }) => {
      const cluster = alone();
      cluster.isolate(1);
      propose(cluster, change, asV1);
      const { node } = cluster.at(1);
      expect(node.confState).toEqual(first);
      // While a joint configuration lasts, no other change is taken: it becomes an empty entry.
      if (last !== undefined) {
        propose(cluster, changeOf("v3"));
        const [entry] = cluster.at(1).storage.entries(node.lastIndex, node.lastIndex + 1, 0);
        expect(entry).toMatchObject({ type: "EntryNormal", data: EMPTY_DATA });
      }
      cluster.recover();
      cluster.tick(3);
      if (last !== undefined && !first.autoLeave) {
        expect(node.confState).toEqual(first); // it does not end by itself
        propose(cluster, LEAVE_JOINT);
        cluster.tick(2);
      }
      expect(node.confState).toEqual(last ?? first);
    },
  );

  it("carries the words of its proposer to whoever applies it (TestRawNodeProposeAndConfChange)", () => {
    const cluster = alone();
    propose(cluster, changeOf("v2"));
    cluster.tick(2);
    const applied = cluster.at(2).applied.find(({ type }) => type === "EntryConfChangeV2");
    expect(applied).toEqual(cluster.at(1).applied.find(({ type }) => type === "EntryConfChangeV2"));
  });

  it("made twice is two entries, after which another one is taken (TestRawNodeProposeAddDuplicateNode)", () => {
    const cluster = alone();
    for (const text of ["v1", "v1", "v2"]) propose(cluster, changeOf(text), true);
    cluster.tick(2);
    const types = cluster.at(2).applied.map(({ type }) => type);
    expect(types).toEqual(["EntryNormal", "EntryConfChange", "EntryConfChange", "EntryConfChange"]);
    expect(cluster.at(1).node.confState).toEqual(confStateOf([1, 2]));
  });
});

describe("a joint configuration that ends by itself", () => {
  it("is not ended by a follower, and is ended by it when it leads again (TestRawNodeJointAutoLeave)", () => {
    const one = TestNode.elected({ voters: [1] }, { asyncStorageWrites: true });
    one.drain();
    one.holdsApply = true;
    one.node.proposeConfChange(changeOf("l2", "joint-implicit"));
    one.drain();
    // The change is committed and not applied when the node loses its office.
    one.hear("MsgVote", 2, { term: 5 });
    one.holdsApply = false;
    one.applyHeld();
    const asFollower = [one.node.state, one.node.confState, one.node.lastIndex];
    one.node.campaign();
    one.drain();
    expect(asFollower).toEqual([
      "StateFollower",
      joint({ voters: [1], votersOutgoing: [1], learners: [2], autoLeave: true }),
      2,
    ]);
    // The first entry of the new term at 3, the end of the joint configuration at 4.
    expect([one.node.state, one.node.confState, one.node.lastIndex]).toEqual([
      "StateLeader",
      confStateOf([1], [2]),
      4,
    ]);
  });
});

describe("a node that has not applied all that is committed", () => {
  it("finds a membership change behind any amount of entries, and does not campaign (TestScan)", () => {
    const storage = new MemoryStorage(confStateOf([1, 2]));
    const blob = new Uint8Array(600_000);
    const normal = [1, 2, 3, 4].map((index) => ({ ...entryOf(1, index), data: blob }));
    const change = { ...confChangeEntry(changeOf("v3")), term: 1, index: 5 };
    const start = (committed: number): TestNode => {
      storage.setHardState({ term: 1, vote: 0, commit: committed });
      return new TestNode(1, { storage });
    };
    storage.append([...normal, change]);
    const [before, after] = [start(4), start(5)];
    for (const { node } of [before, after]) node.campaign();
    expect([before.node.state, after.node.state]).toEqual(["StateCandidate", "StateFollower"]);
  });
});
