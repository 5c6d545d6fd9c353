/**
 * When two memberships are the same.
 * Source: etcd-raft v3.7 raftpb/confstate_test; each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import { isSameConfState } from "./conf-change.ts";
import type { ConfState } from "./types.ts";
import { EMPTY_CONF_STATE } from "./types.ts";

const state = (fields: Partial<ConfState>): ConfState => ({ ...EMPTY_CONF_STATE, ...fields });
const full = state({
  voters: [1, 2, 3],
  learners: [5, 4, 6],
  votersOutgoing: [9, 8, 7],
  learnersNext: [10, 20, 15],
});

describe("two memberships", () => {
  it("are the same in whatever order they name their nodes (TestConfState_Equivalent)", () => {
    const other = state({
      voters: [3, 1, 2],
      learners: [4, 5, 6],
      votersOutgoing: [7, 9, 8],
      learnersNext: [20, 15, 10],
    });
    expect([isSameConfState(full, other), isSameConfState(other, full)]).toEqual([true, true]);
  });

  // Sorted as text, 10 would come before 9.
  it("are the same also with ids of more than one digit (TestConfState_Equivalent)", () => {
    expect(isSameConfState(state({ voters: [10, 9] }), state({ voters: [9, 10] }))).toBe(true);
  });

  it.each<[string, Partial<ConfState>]>([
    ["a voter more", { voters: [1, 2, 3, 11] }],
    ["another voter", { voters: [1, 2, 4] }],
    ["no voters", { voters: [] }],
    ["another learner", { learners: [4, 5, 7] }],
    ["another outgoing voter", { votersOutgoing: [9, 8, 6] }],
    ["another coming learner", { learnersNext: [10, 20] }],
    ["an automatic end", { autoLeave: true }],
  ])("differ by %s (TestConfState_Equivalent)", (_, fields) => {
    const other = { ...full, ...fields };
    expect([isSameConfState(full, other), isSameConfState(other, full)]).toEqual([false, false]);
  });

  it("of nobody are the same (TestConfState_Equivalent)", () => {
    expect(isSameConfState(state({}), EMPTY_CONF_STATE)).toBe(true);
  });
});
