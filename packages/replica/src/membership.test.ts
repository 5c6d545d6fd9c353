import { StreamError } from "@millrace/base";
import { describe, expect, it } from "vitest";

import {
  decodeChangeContext,
  decodeEnvelope,
  encodeChangeContext,
  encodeEnvelope,
  KNOWN_MEMBERS_MAX,
  Membership,
} from "./membership.ts";
import { nextMembershipStep } from "./membership-step.ts";

const CONF = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
const MEMBERS = [1, 2, 3].map((id) => ({ replicaId: id, nodeId: id + 10 }));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StreamError) return error.code;
  }
  return "none";
}

describe("the envelope of a state", () => {
  it("gives back members, index and state, and nothing for the state of a new replica", () => {
    const state = Buffer.from("what the machine made");
    const bytes = encodeEnvelope({ confIndex: 2 ** 40, members: MEMBERS, state });
    const found = decodeEnvelope(bytes);
    expect({ ...found, state: Buffer.from(found?.state ?? []).toString() }).toEqual({
      confIndex: 2 ** 40,
      members: MEMBERS,
      state: "what the machine made",
    });
    expect(decodeEnvelope(new Uint8Array(0))).toBeUndefined();
  });

  it("takes a state without one for what it is: it was written before members could change", () => {
    expect([Uint8Array.of(1, 0, 0), Buffer.from("{}")].map(decodeEnvelope)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("refuses a newer version, and bytes that end in its table", () => {
    const bytes = encodeEnvelope({ confIndex: 1, members: MEMBERS, state: new Uint8Array(0) });
    expect(codeOf(() => decodeEnvelope(bytes.subarray(0, 20)))).toBe("corrupt");
    expect(codeOf(() => decodeEnvelope(Uint8Array.from([9, ...bytes.subarray(1)])))).toBe(
      "unsupported",
    );
  });
});

describe("the context of a membership change", () => {
  it("says where replicas are; an empty one brings nobody", () => {
    expect(decodeChangeContext(encodeChangeContext(MEMBERS))).toEqual(MEMBERS);
    expect(decodeChangeContext(new Uint8Array(0))).toEqual([]);
    expect(codeOf(() => decodeChangeContext(Uint8Array.of(1, 2, 3)))).toBe("corrupt");
  });
});

describe("the members of a group", () => {
  it("are known at each index since the oldest that is remembered (M1)", () => {
    const membership = new Membership(MEMBERS, { index: 5, confState: CONF });
    const next = { ...CONF, learners: [4] };
    membership.changed({ index: 9, confState: next }, [{ replicaId: 4, nodeId: 14 }]);
    expect([4, 5, 8, 9, 100].map((index) => membership.at(index)?.index)).toEqual([
      undefined,
      5,
      5,
      9,
      9,
    ]);
    expect(membership.members.at(-1)).toEqual({ replicaId: 4, nodeId: 14 });
    membership.trimmed(9);
    expect(membership.at(8)).toBeUndefined();
  });

  it("include the node of whoever spoke first under an id, and nobody else's (M2)", () => {
    const membership = new Membership(MEMBERS, { index: 0, confState: CONF });
    expect([membership.heard(9, 19), membership.heard(9, 18), membership.heard(1, 11)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("are bounded: what is not in use is forgotten first", () => {
    const membership = new Membership(MEMBERS, { index: 0, confState: CONF });
    for (let id = 100; id < 100 + 2 * KNOWN_MEMBERS_MAX; id += 1) membership.heard(id, 1);
    expect(membership.known.length).toBe(KNOWN_MEMBERS_MAX);
    expect(membership.members).toEqual(MEMBERS);
  });
});

describe("the next step of the members", () => {
  const input = (changes: object) => ({
    self: 1,
    confState: CONF,
    isPending: false,
    wanted: [1, 2, 4],
    isCaughtUp: () => true,
    ...changes,
  });

  it("is learner, then one swap, then nothing", () => {
    expect(nextMembershipStep(input({}))).toEqual({
      kind: "change",
      changes: [{ type: "ConfChangeAddLearnerNode", nodeId: 4 }],
    });
    expect(nextMembershipStep(input({ confState: { ...CONF, learners: [4] } }))).toEqual({
      kind: "change",
      changes: [
        { type: "ConfChangeAddNode", nodeId: 4 },
        { type: "ConfChangeRemoveNode", nodeId: 3 },
      ],
    });
    const there = { ...CONF, voters: [1, 2, 4] };
    expect(nextMembershipStep(input({ confState: there }))).toEqual({ kind: "there" });
  });

  it("waits for a change that is pending, for a joint configuration and for a learner", () => {
    const cases = [
      { isPending: true },
      { confState: { ...CONF, votersOutgoing: [1, 2] } },
      { confState: { ...CONF, learners: [4] }, isCaughtUp: () => false },
    ];
    const kinds = cases.map((changes) => nextMembershipStep(input(changes)).kind);
    expect(kinds).toEqual(["wait", "wait", "wait"]);
  });

  it("lets a leader that is to go hand over first, and never remove itself", () => {
    const confState = { ...CONF, learners: [4] };
    const go = { confState, wanted: [2, 3, 4] };
    expect(nextMembershipStep(input(go))).toEqual({ kind: "transfer", to: 2 });
    const alone = { ...go, isCaughtUp: (id: number) => id === 4 };
    expect(nextMembershipStep(input(alone))).toEqual({
      kind: "change",
      changes: [{ type: "ConfChangeAddNode", nodeId: 4 }],
    });
  });

  it("takes a learner out that is not wanted any more", () => {
    const confState = { ...CONF, learners: [5] };
    expect(nextMembershipStep(input({ confState, wanted: [1, 2, 3] }))).toEqual({
      kind: "change",
      changes: [{ type: "ConfChangeRemoveNode", nodeId: 5 }],
    });
  });
});
