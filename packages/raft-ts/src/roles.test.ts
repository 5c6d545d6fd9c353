/**
 * What moves a node from role to role, and what an earlier term or a lost role cannot do any more.
 * Source: etcd-raft v3.7 raft_test.go; the test beside each is named there.
 */
import { describe, expect, it } from "vitest";
import { draft, makeMessage } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { stepMessage } from "./step.ts";
import { bareLeader, bareRaft, keepPromises, takePromises } from "./testing/bare-raft.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { confStateOf, entryOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import type { Message, StateType } from "./types.ts";
import { EMPTY_DATA, MESSAGE_TYPES } from "./types.ts";

const MOVES: Record<StateType, (r: RaftState) => void> = {
  StateFollower: (r) => r.becomeFollower(1, 0),
  StatePreCandidate: (r) => r.becomePreCandidate(),
  StateCandidate: (r) => r.becomeCandidate(),
  StateLeader: (r) => r.becomeLeader(),
};

/** Role before × role entered: the term and leader after it, from term 0; or what is thrown. */
const TRANSITIONS: Record<StateType, Record<StateType, string>> = {
  StateFollower: {
    StateFollower: "term 1 lead 0",
    StatePreCandidate: "term 0 lead 0",
    StateCandidate: "term 1 lead 0",
    StateLeader: "invalid transition [follower -> leader]",
  },
  StatePreCandidate: {
    StateFollower: "term 1 lead 0",
    StatePreCandidate: "term 0 lead 0",
    StateCandidate: "term 1 lead 0",
    StateLeader: "term 0 lead 1",
  },
  StateCandidate: {
    StateFollower: "term 1 lead 0",
    StatePreCandidate: "term 0 lead 0",
    StateCandidate: "term 1 lead 0",
    StateLeader: "term 0 lead 1",
  },
  StateLeader: {
    StateFollower: "term 1 lead 0",
    StatePreCandidate: "invalid transition [leader -> pre-candidate]",
    StateCandidate: "invalid transition [leader -> candidate]",
    StateLeader: "term 0 lead 1",
  },
};

const STATES: readonly StateType[] = [
  "StateFollower",
  "StatePreCandidate",
  "StateCandidate",
  "StateLeader",
];

/** Does one move from `from`, put there by hand; tells its end. */
function move(from: StateType, to: StateType): string {
  const r = bareRaft({ voters: [1] });
  r.state = from;
  try {
    MOVES[to](r);
    return `term ${r.term} lead ${r.lead}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Node 1 in `state`, as it gets there by itself from `term`. */
function nodeIn(state: StateType, term: number): TestNode {
  const start = { hardState: { term } };
  if (state === "StateLeader") return TestNode.elected(start);
  const one = new TestNode(1, start, { preVote: state === "StatePreCandidate" });
  if (state === "StateFollower") return one;
  one.node.campaign();
  one.drain();
  return one;
}

describe("the roles of a node", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestStateTransition.
  it.each(STATES.flatMap((from) => STATES.map((to) => ({ from, to }))))(
    "$from to $to is possible exactly where Raft allows it, and sets term and leader",
    ({ from, to }) => {
      expect(move(from, to)).toBe(TRANSITIONS[from][to]);
    },
  );

  // Source: etcd-raft v3.7 raft_test.go, TestAllServerStepdown.
  it.each(
    STATES.flatMap((state) => (["MsgVote", "MsgApp"] as const).map((type) => ({ state, type }))),
  )(
    "$state becomes a follower when $type of a higher term arrives, and its log stays",
    ({ state, type }) => {
      const one = nodeIn(state, 0);
      const log = one.log();
      one.hear(type, 2, { term: 3, logTerm: 3 });
      const { node } = one;
      expect([node.state, node.term, node.lead, one.log()]).toEqual([
        "StateFollower",
        3,
        type === "MsgApp" ? 2 : 0, // a candidate is not a leader yet
        log,
      ]);
      expect(log).toEqual(state === "StateLeader" ? ["1/"] : []);
    },
  );
});

describe("a message of an earlier term", () => {
  const REMOTE = MESSAGE_TYPES.filter(
    (type) =>
      // Local messages have no term, and an old MsgPreVote is answered (see pre-vote.test.ts).
      ![
        "MsgHup",
        "MsgBeat",
        "MsgUnreachable",
        "MsgSnapStatus",
        "MsgCheckQuorum",
        "MsgPreVote",
        "MsgStorageAppend",
        "MsgStorageAppendResp",
        "MsgStorageApply",
        "MsgStorageApplyResp",
      ].includes(type),
  );

  // Source: etcd-raft v3.7 raft_test.go, TestStepIgnoreOldTermMsg.
  it.each(STATES)("of any type changes nothing at a node in %s", (state) => {
    const one = nodeIn(state, 4);
    const snapshot = { index: 9, term: 3, confState: confStateOf([1, 2, 3]), data: EMPTY_DATA };
    const late = { term: 3, entries: [entryOf(3, 1, "old")], commit: 1, snapshot };
    const before = [one.node.status(), one.log()];
    const answers = REMOTE.flatMap((type) => one.hear(type, 2, late));
    // With pre-vote the old leader is told of the newer term, or this node would stay out.
    const expected = state === "StatePreCandidate" ? ["MsgAppResp 4", "MsgAppResp 4"] : [];
    expect(answers.map((m) => `${m.type} ${m.term}`)).toEqual(expected);
    expect([one.node.status(), one.log()]).toEqual(before);
  });

  // Source: etcd-raft v3.7 raft_test.go, TestOldMessages.
  it("from a leader that has been replaced leaves all logs as they are", () => {
    const cluster = TestCluster.of(3);
    cluster.campaign(1);
    cluster.campaign(2);
    cluster.campaign(1);
    const entries = [entryOf(2, 3)]; // where the new leader has an entry of term 3
    cluster.flow(
      cluster
        .at(1)
        .step(
          makeMessage({ type: "MsgApp", from: 2, to: 1, term: 2, logTerm: 2, index: 2, entries }),
        ),
    );
    cluster.propose(1, "new");
    const log = ["1/", "2/", "3/", "3/new"];
    expect([cluster.logs(), cluster.states()]).toEqual([
      [log, log, log],
      ["StateLeader 3 1", "StateFollower 3 1", "StateFollower 3 1"],
    ]);
  });
});

const granted = (r: RaftState): number => r.tracker.tallyVotes().granted;

function hear(r: RaftState, type: Message["type"], from: number, term: number): void {
  stepMessage(r, makeMessage({ type, from, to: r.id, term }));
}

describe("a promise to itself that becomes durable late", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestCandidateSelfVoteAfterLostElection and
  // TestCandidateSelfVoteAfterLostElectionPreVote.
  it.each([false, true])(
    "the vote of a candidate that has lost meanwhile does not count, pre-vote %s",
    (preVote) => {
      const r = bareRaft({}, { preVote });
      stepMessage(r, draft("MsgHup", 1, 1));
      const own = takePromises(r);
      hear(r, "MsgHeartbeat", 2, r.term === 0 ? 1 : r.term);
      const lost = r.state;
      keepPromises(r, own);
      expect([own.length, lost, r.state, r.lead, granted(r)]).toEqual([
        1,
        "StateFollower",
        "StateFollower",
        2,
        0,
      ]);
    },
  );

  // Source: etcd-raft v3.7 raft_test.go,
  // TestCandidateDeliversPreCandidateSelfVoteAfterBecomingCandidate.
  it("the pre-vote of a node that is a candidate by now is not taken for its vote", () => {
    const r = bareRaft({}, { preVote: true });
    stepMessage(r, draft("MsgHup", 1, 1));
    const preVote = takePromises(r);
    for (const from of [2, 3]) hear(r, "MsgPreVoteResp", from, 1);
    expect([r.state, r.term]).toEqual(["StateCandidate", 1]);
    keepPromises(r, preVote);
    expect([r.state, granted(r)]).toEqual(["StateCandidate", 0]);
    const vote = takePromises(r);
    hear(r, "MsgVoteResp", 2, 1);
    expect([r.state, granted(r)]).toEqual(["StateCandidate", 1]);
    keepPromises(r, vote);
    expect(r.state).toBe("StateLeader");
  });

  // Source: etcd-raft v3.7 raft_test.go, TestLeaderMsgAppSelfAckAfterTermChange.
  it("the acknowledgement of a leader of an earlier term counts for nobody", () => {
    const r = bareLeader();
    const entries = [{ term: 0, index: 0, type: "EntryNormal", data: asciiBytes("a") }] as const;
    stepMessage(r, makeMessage({ type: "MsgProp", from: 1, to: 1, entries }));
    const own = takePromises(r);
    hear(r, "MsgHeartbeat", 2, 2);
    const before = [r.state, r.term, r.lead, r.log.committed];
    keepPromises(r, own);
    expect([
      own.map(({ type }) => type),
      before,
      [r.state, r.term, r.lead, r.log.committed],
    ]).toEqual([
      ["MsgAppResp", "MsgAppResp"],
      ["StateFollower", 2, 2, 0],
      ["StateFollower", 2, 2, 0],
    ]);
  });
});

describe("heartbeats", () => {
  // Source: etcd-raft v3.7 raft_test.go, TestRecvMsgBeat.
  it.each([
    { state: "StateLeader", to: [2, 3] },
    { state: "StateCandidate", to: [] },
    { state: "StatePreCandidate", to: [] },
    { state: "StateFollower", to: [] },
  ] as const)("when their time comes are sent by a $state to $to", ({ state, to }) => {
    const r = bareRaft({ terms: [1, 1], hardState: { term: 1 } });
    r.state = state;
    stepMessage(r, draft("MsgBeat", 1, 1));
    expect(r.msgs.map((m) => [m.type, m.to])).toEqual(to.map((id) => ["MsgHeartbeat", id]));
  });

  // Source: etcd-raft v3.7 raft_test.go, TestBcastBeat.
  it("carry no entries and never a commit that the follower does not hold", () => {
    const snapshot = { index: 1000, term: 1, confState: confStateOf([1, 2, 3]), data: EMPTY_DATA };
    const one = TestNode.elected({ snapshot, hardState: { term: 1, commit: 1000 } });
    for (let i = 0; i < 10; i += 1) one.propose("x");
    one.acknowledge(2, 1005);
    one.acknowledge(3, 1011);
    const beat = { type: "MsgHeartbeat", from: 1, term: 2 } as const;
    expect([one.node.commitIndex, one.tick(1)]).toEqual([
      1011,
      [
        makeMessage({ ...beat, to: 2, commit: 1005 }),
        makeMessage({ ...beat, to: 3, commit: 1011 }),
      ],
    ]);
  });
});
