/**
 * Appends as pieces of a log.
 * Source: etcd-raft v3.7 types_test; each title ends in the name of the behaviour. The random
 * cluster checks the same of every append that its leaders send.
 */
import { describe, expect, it } from "vitest";
import { makeMessage } from "../message.ts";
import { faultOfAppend } from "./log-slice.ts";
import { entryOf, TestNode } from "./test-cluster.ts";

describe("an append", () => {
  it.each([
    { what: "nothing", at: [0, 0], entries: [], fault: undefined },
    { what: "nothing after an entry", at: [5, 10], entries: [], fault: undefined },
    { what: "the first entry", at: [0, 0], entries: [[1, 1]], fault: undefined },
    {
      what: "entries of rising terms",
      at: [4, 10],
      entries: [
        [4, 11],
        [6, 12],
        [6, 13],
      ],
      fault: undefined,
    },
    {
      what: "a gap after its place",
      at: [5, 10],
      entries: [[5, 12]],
      fault: "entry 12 follows 10",
    },
    { what: "its own place again", at: [5, 10], entries: [[5, 10]], fault: "entry 10 follows 10" },
    {
      what: "a gap inside",
      at: [5, 10],
      entries: [
        [5, 11],
        [5, 13],
      ],
      fault: "entry 13 follows 11",
    },
    {
      what: "a term below that of its place",
      at: [5, 10],
      entries: [[4, 11]],
      fault: "entry 11 of term 4 follows term 5",
    },
    {
      what: "a term that falls",
      at: [5, 10],
      entries: [
        [6, 11],
        [5, 12],
      ],
      fault: "entry 12 of term 5 follows term 6",
    },
    {
      what: "a term above the leader's",
      at: [5, 10],
      entries: [[8, 11]],
      fault: "term 8 is above the leader's 7",
    },
    {
      what: "a place above the leader's term",
      at: [8, 10],
      entries: [],
      fault: "term 8 is above the leader's 7",
    },
  ])("with $what is a piece of a log, or not: $fault (TestLogSlice)", (row) => {
    const [logTerm = 0, index = 0] = row.at;
    const entries = row.entries.map(([term = 0, i = 0]) => entryOf(term, i));
    const append = makeMessage({ type: "MsgApp", term: 7, logTerm, index, entries });
    expect(faultOfAppend(append)).toBe(row.fault);
  });

  it("of a leader is one, through changes of term and limits of size (TestLogSlice)", () => {
    const one = TestNode.elected(
      { terms: [1, 1, 3, 4], hardState: { term: 4 } },
      { maxSizePerMsg: 20 },
    );
    const sent = [
      ...one.hear("MsgAppResp", 2, { index: 4, reject: true, rejectHint: 1, logTerm: 1 }),
      ...one.propose("a", "b"),
      ...one.acknowledge(2, 2),
      ...one.acknowledge(2, 4),
    ].filter((m) => m.type === "MsgApp" && m.to === 2 && m.entries.length > 0);
    expect(sent.length).toBeGreaterThan(1);
    expect(sent.map(faultOfAppend)).toEqual(sent.map(() => undefined));
  });
});
