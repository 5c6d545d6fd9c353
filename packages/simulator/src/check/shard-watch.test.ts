import type { Group, StateMachine } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import { ShardWatch } from "./shard-watch.ts";

interface State {
  readonly sealed: boolean;
  readonly nextOffset: number;
}

const machineOf = (state: State): StateMachine =>
  ({
    state,
    snapshot: () => new TextEncoder().encode(JSON.stringify(state)),
  }) as unknown as StateMachine;
const groupOf = (groupId: number, appliedIndex = 1): Group => ({ groupId, appliedIndex }) as Group;

function watched(parents: readonly number[] = []) {
  const broken: string[] = [];
  const watch = new ShardWatch({
    broken: (sentence) => void broken.push(sentence),
    parentsOf: () => parents,
  });
  return { watch, broken };
}

describe("the states of shards", () => {
  it("are equal where the same was applied (O14)", () => {
    const { watch, broken } = watched();
    const groups = [groupOf(7), groupOf(7), groupOf(7, 2)];
    const states = [1, 1, 5].map((nextOffset) => machineOf({ sealed: false, nextOffset }));
    for (const [at, group] of groups.entries()) {
      watch.applied(at + 1, group, states[at] ?? machineOf({ sealed: false, nextOffset: 0 }));
    }
    watch.compare(new Set(groups));
    expect(broken).toEqual([]);
    watch.applied(2, groups[1] ?? groupOf(7), machineOf({ sealed: false, nextOffset: 2 }));
    watch.compare(new Set(groups));
    expect(broken).toEqual(["O14: nodes 1 and 2 hold different states of group 7 at 1"]);
  });

  it("do not grow behind a seal (O15)", () => {
    const { watch, broken } = watched();
    watch.applied(1, groupOf(7), machineOf({ sealed: true, nextOffset: 4 }));
    watch.applied(2, groupOf(7), machineOf({ sealed: true, nextOffset: 4 }));
    expect(broken).toEqual([]);
    watch.applied(2, groupOf(7), machineOf({ sealed: true, nextOffset: 5 }));
    expect(broken).toEqual(["O15: node 2 has group 7 end at 5, but it was sealed at 4"]);
  });

  it("of a child are empty until its parents are sealed (O16)", () => {
    const { watch, broken } = watched([7]);
    watch.applied(1, groupOf(8), machineOf({ sealed: false, nextOffset: 0 }));
    expect(broken).toEqual([]);
    watch.applied(1, groupOf(8), machineOf({ sealed: false, nextOffset: 1 }));
    expect(broken).toEqual(["O16: group 8 took records before its parent, group 7, was sealed"]);
  });
});
