/**
 * Who should lead, and when that wish does not count.
 *
 * Source: raft-rs `Config::priority`, `set_priority`.
 */
import { describe, expect, it } from "vitest";
import { describeMessage } from "./describe.ts";
import { makeMessage } from "./message.ts";
import { TestCluster, TestNode, type TestStart } from "./testing/test-cluster.ts";

const VOTERS = [1, 2, 3];

/** How a node of priority 5, whose log ends at index 2 in term 2, answers a candidate. */
function answerTo(
  candidate: { logTerm: number; index: number; priority: number },
  type: "MsgVote" | "MsgPreVote" = "MsgVote",
): boolean {
  const voter = new TestNode(1, { terms: [1, 2], hardState: { term: 2 } }, { priority: 5 });
  const [answer] = voter.step(makeMessage({ type, from: 2, to: 1, term: 3, ...candidate }));
  return answer?.reject === false;
}

function clusterOf(priorities: readonly number[], starts: readonly TestStart[] = []): TestCluster {
  return new TestCluster(
    VOTERS.map((id, i) => {
      const start = { voters: VOTERS, ...starts[i] };
      return new TestNode(id, start, { priority: priorities[i] ?? 0 });
    }),
  );
}

describe("a voter of higher priority", () => {
  it.each([
    { what: "the same log", logTerm: 2, index: 2, priority: 4, granted: false },
    {
      what: "the same log and an equal priority",
      logTerm: 2,
      index: 2,
      priority: 5,
      granted: true,
    },
    {
      what: "the same log and a higher priority",
      logTerm: 2,
      index: 2,
      priority: 6,
      granted: true,
    },
    { what: "a longer log", logTerm: 2, index: 3, priority: 0, granted: true },
    { what: "a shorter log of a newer term", logTerm: 3, index: 1, priority: 0, granted: true },
    {
      what: "an older log and a higher priority",
      logTerm: 2,
      index: 1,
      priority: 9,
      granted: false,
    },
  ])("answers a candidate with $what: granted is $granted", (one) => {
    const { logTerm, index, priority, granted } = one;
    const asked = { logTerm, index, priority };
    expect([answerTo(asked), answerTo(asked, "MsgPreVote")]).toEqual([granted, granted]);
  });

  it("refuses also the same candidate that it has voted for, once its own priority has risen", () => {
    const voter = new TestNode(1, { voters: VOTERS });
    const ask = makeMessage({ type: "MsgVote", from: 2, to: 1, term: 1 });
    const before = voter.step(ask).map(({ reject }) => reject);
    voter.node.setPriority(1);
    expect([before, voter.step(ask).map(({ reject }) => reject)]).toEqual([[false], [true]]);
  });
});

describe("an election with priorities", () => {
  it("is not won against a majority of higher priority and is then won by one of them", () => {
    const cluster = clusterOf([0, 1, 1]);
    cluster.campaign(1);
    expect(cluster.states()).toEqual([
      "StateFollower 1 0",
      "StateFollower 1 0",
      "StateFollower 1 0",
    ]);
    cluster.campaign(2);
    expect(cluster.states()).toEqual(["StateFollower 2 2", "StateLeader 2 2", "StateFollower 2 2"]);
  });

  it("is won by the lowest priority if only its log has what may be committed", () => {
    const cluster = clusterOf([0, 9, 9], [{ terms: [1], hardState: { term: 1 } }]);
    cluster.campaign(1);
    expect(cluster.at(1).node.state).toBe("StateLeader");
  });

  it("carries the priority that was set last, in both kinds of request", () => {
    const node = new TestNode(1, { voters: VOTERS }, { preVote: true, priority: 2 });
    node.node.campaign();
    const first = node.drain();
    node.node.setPriority(7);
    node.node.campaign();
    const second = node.drain();
    expect([...first, ...second].map(({ type, priority }) => [type, priority])).toEqual([
      ["MsgPreVote", 2],
      ["MsgPreVote", 2],
      ["MsgPreVote", 7],
      ["MsgPreVote", 7],
    ]);
    expect(node.hear("MsgPreVoteResp", 2, { term: 1 }).map((m) => [m.type, m.priority])).toEqual([
      ["MsgVote", 7],
      ["MsgVote", 7],
    ]);
  });

  it("prints a priority only where there is one", () => {
    const message = { type: "MsgVote", from: 1, to: 2, term: 1 } as const;
    expect(
      [0, 3].map((priority) => describeMessage(makeMessage({ ...message, priority }))),
    ).toEqual(["1->2 MsgVote Term:1 Log:0/0", "1->2 MsgVote Term:1 Log:0/0 Priority:3"]);
  });
});

describe("a priority that is no whole number of at least 0", () => {
  it.each([-1, 0.5, Number.NaN, 2 ** 53])("is refused: %d", (priority) => {
    const refusal = `priority must be a whole number of at least 0, got ${priority}`;
    expect(() => new TestNode(1, {}, { priority })).toThrow(refusal);
    expect(() => new TestNode(1).node.setPriority(priority)).toThrow(refusal);
  });
});
