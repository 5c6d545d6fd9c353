/**
 * Entries as text.
 * Source: etcd-raft v3.7 util_test; each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import { confChangeEntry, LEAVE_JOINT, type ConfChange } from "./conf-change-codec.ts";
import { describeEntries, describeEntry } from "./describe.ts";
import { asciiText } from "./testing/ascii.ts";
import { entryOf } from "./testing/test-cluster.ts";
import { EMPTY_DATA } from "./types.ts";

const change: ConfChange = {
  transition: "auto",
  changes: [
    { type: "ConfChangeAddNode", nodeId: 2 },
    { type: "ConfChangeAddLearnerNode", nodeId: 3 },
    { type: "ConfChangeRemoveNode", nodeId: 1 },
    { type: "ConfChangeUpdateNode", nodeId: 2 },
  ],
  context: EMPTY_DATA,
};
const single: ConfChange = { ...change, changes: change.changes.slice(0, 1) };
const at = { term: 1, index: 2 };

describe("an entry as text", () => {
  it("has its payload quoted, with what cannot be printed escaped (TestDescribeEntry)", () => {
    expect([
      describeEntry(entryOf(1, 2, "hello\0world")),
      describeEntry(entryOf(1, 2, 'a"\\\n\t\r\u00ff')),
      describeEntry(entryOf(1, 2)),
    ]).toEqual([
      String.raw`1/2 EntryNormal "hello\x00world"`,
      String.raw`1/2 EntryNormal "a\"\\\n\t\r\xff"`,
      '1/2 EntryNormal ""',
    ]);
  });

  it("has its payload as the caller wants it, nothing if that is empty (TestDescribeEntry)", () => {
    const upper = (data: Uint8Array): string => asciiText(data).toUpperCase();
    expect([
      describeEntry(entryOf(1, 2, "hello"), upper),
      describeEntry(entryOf(1, 2), upper),
    ]).toEqual(["1/2 EntryNormal HELLO", "1/2 EntryNormal"]);
  });

  it("names the steps of a membership change, none for the end of a joint one (TestDescribeEntry)", () => {
    expect([
      describeEntry({ ...confChangeEntry(single, true), ...at }),
      describeEntry({ ...confChangeEntry(change), ...at }),
      describeEntry({ ...confChangeEntry(LEAVE_JOINT), ...at }),
    ]).toEqual([
      "1/2 EntryConfChange v2",
      "1/2 EntryConfChangeV2 v2 l3 r1 u2",
      "1/2 EntryConfChangeV2",
    ]);
  });

  it("stands on a line of its own in a list", () => {
    expect(describeEntries([entryOf(1, 2, "a"), entryOf(1, 3)])).toBe(
      '1/2 EntryNormal "a"\n1/3 EntryNormal ""\n',
    );
  });
});
