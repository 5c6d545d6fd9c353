/** Source: raftpb of etcd-raft v3.7 (field numbers), raftpb/confchange_test. */
import { describe, expect, it } from "vitest";
import {
  autoLeaves,
  CONF_CHANGES_MAX,
  confChangeEntry,
  confChangeOfEntry,
  LEAVE_JOINT,
  leavesJoint,
  usesJoint,
  type ConfChange,
} from "./conf-change-codec.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { EMPTY_DATA, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD } from "./types.ts";

const add: ConfChange = {
  transition: "auto",
  changes: [{ type: "ConfChangeAddNode", nodeId: 300 }],
  context: EMPTY_DATA,
};
const swap: ConfChange = {
  transition: "joint-explicit",
  changes: [
    { type: "ConfChangeAddLearnerNode", nodeId: LOCAL_APPLY_THREAD - 1 },
    { type: "ConfChangeRemoveNode", nodeId: 2 },
  ],
  context: asciiBytes("why"),
};

describe("a membership change as bytes", () => {
  it.each([
    ["V2", add, false],
    ["V1", { ...add, context: asciiBytes("x") }, true],
    ["V2", swap, false],
    ["V2", LEAVE_JOINT, false],
  ])("in the form %s is read back as it was", (form, change, asV1) => {
    const entry = confChangeEntry(change, asV1);
    expect(entry.type).toBe(form === "V1" ? "EntryConfChange" : "EntryConfChangeV2");
    expect(confChangeOfEntry(entry)).toEqual(change);
  });

  it("has the field numbers of raftpb", () => {
    expect([...confChangeEntry(add, true).data]).toEqual([16, 0, 24, 172, 2]);
    expect([...confChangeEntry(add).data]).toEqual([18, 5, 8, 0, 16, 172, 2]);
  });

  it("to leave a joint configuration is empty, so that no limit can refuse it (TestLeaveJoint)", () => {
    expect([
      confChangeEntry(LEAVE_JOINT).data,
      leavesJoint(LEAVE_JOINT),
      leavesJoint(swap),
    ]).toEqual([EMPTY_DATA, true, false]);
  });

  it("uses a joint configuration if it must or is told to, and leaves it unless told not to", () => {
    expect([add, swap, { ...add, transition: "joint-implicit" as const }].map(usesJoint)).toEqual([
      false,
      true,
      true,
    ]);
    expect([add, swap].map(autoLeaves)).toEqual([true, false]);
  });

  it.each([Number.NaN, -5, 4.5, 2 ** 53, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD])(
    "of node %d is not made",
    (nodeId) => {
      const change = { ...add, changes: [{ type: "ConfChangeAddNode" as const, nodeId }] };
      const refusal = `nodeId ${nodeId} must be a whole number of 0 to 2^53 - 3`;
      for (const asV1 of [false, true]) {
        expect(() => confChangeEntry(change, asV1)).toThrow(refusal);
      }
    },
  );

  it("of more steps than can be read back is not made", () => {
    const changes = Array.from({ length: CONF_CHANGES_MAX + 1 }, () => swap.changes).flat();
    expect(() => confChangeEntry({ ...swap, changes })).toThrow("more than 1024 changes");
  });

  it.each([
    [[16], "ends inside a number at byte 1"],
    [[18, 5, 8], "field 2 ends at 7"],
    [[80, 1], "unknown field 10"],
    [[8, 9], "unknown transition 9"],
    [[18, 2, 8, 9], "unknown conf type 9"],
    [[8, 255, 255, 255, 255, 255, 255, 255, 255, 1], "number above 2^53-1"],
    [[13, 1, 0, 0, 0], "field 1 has wire type 5"],
  ])("of %j is refused: %s", (bytes, why) => {
    const data = Uint8Array.from(bytes);
    expect(() => confChangeOfEntry({ type: "EntryConfChangeV2", data })).toThrow(why);
  });
});
