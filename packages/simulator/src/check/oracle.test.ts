import type { AppliedEntry, Group, Role, StateMachine } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import { Oracle } from "./oracle.ts";

const machine: StateMachine = {
  apply: () => {},
  snapshot: () => new Uint8Array(0),
  restore: () => {},
};
// The oracle reads no more of a group than this.
const group = { groupId: 7 } as Group;
const entry = (index: number, text: string): AppliedEntry => ({
  index,
  term: 1,
  data: new TextEncoder().encode(text),
});
const role = (name: Role, term: number) => ({
  role: name,
  term,
  leaderNodeId: undefined,
  ready: false,
});

function watched() {
  const oracle = new Oracle();
  const machines = [1, 2].map((nodeId) => oracle.watch(nodeId, group, machine));
  const [one = machine, two = machine] = machines;
  return { oracle, one, two };
}

describe("the oracle", () => {
  it("says nothing of replicas that agree", () => {
    const { oracle, one, two } = watched();
    one.roleChanged?.(role("leader", 1));
    two.roleChanged?.(role("leader", 2));
    for (const each of [one, two]) each.apply([entry(1, "a"), entry(3, "b")]);
    expect([oracle.violations, oracle.counts]).toEqual([[], { leaders: 2, applied: 4 }]);
  });

  it("finds two leaders of one term (O1)", () => {
    const { oracle, one, two } = watched();
    one.roleChanged?.(role("leader", 4));
    two.roleChanged?.(role("leader", 4));
    expect(oracle.violations).toEqual(["O1: node 1 and node 2 lead group 7 in term 4"]);
  });

  it("finds entries that differ (O2)", () => {
    const { oracle, one, two } = watched();
    one.apply([entry(1, "a")]);
    two.apply([entry(1, "b")]);
    expect(oracle.violations).toEqual([
      expect.stringMatching(/^O2: node 2 applied .* at 1 of group 7/),
    ]);
  });

  it("finds an entry that is applied twice, unless the machine was restored below it (O3)", () => {
    const { oracle, one } = watched();
    one.apply([entry(1, "a"), entry(2, "b")]);
    one.restore(new Uint8Array(0), 1);
    one.apply([entry(2, "b")]);
    expect(oracle.violations).toEqual([]);
    one.apply([entry(2, "b")]);
    expect(oracle.violations).toEqual(["O3: node 1 applied 2 of group 7 after 2"]);
  });
});
