import { StreamError } from "@millrace/base";
import type { Group, ProposalDone } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import { ProposalWatch } from "./proposal-watch.ts";

/** What is said when a proposal at index 5 of term 2 ends so, after one of `appliedTerm` was applied there. */
function proposed(appliedTerm: number, error?: StreamError, expectedTerm: number | undefined = 2) {
  const broken: string[] = [];
  let done: ProposalDone = () => {};
  const group = {
    groupId: 7,
    kind: "shard",
    propose: (_: Uint8Array, __: number | undefined, called: ProposalDone) => {
      done = called;
      return { index: 5, term: 2 };
    },
  } as unknown as Group;
  const watch = new ProposalWatch({
    appliedTerm: () => appliedTerm,
    broken: (sentence) => void broken.push(sentence),
  });
  watch.watch(1, group);
  const answers: (StreamError | undefined)[] = [];
  group.propose(new Uint8Array(1), expectedTerm, (answer) => void answers.push(answer));
  done(error);
  expect(answers).toEqual([error]);
  return broken;
}

describe("what becomes of a proposal", () => {
  it("is what its proposer is told (O29)", () => {
    expect(proposed(2)).toEqual([]);
    expect(proposed(3, new StreamError("indeterminate", "deposed"))).toEqual([]);
    expect(proposed(3)).toEqual([
      "O29: node 1 acknowledges entry 5 of term 2 of group 7, where one of term 3 was applied",
    ]);
  });

  it("rests on the term that its proposer names (O30)", () => {
    const broken: string[] = [];
    const group = { groupId: 7, kind: "shard", propose: () => ({ index: 5, term: 2 }) };
    const watch = new ProposalWatch({
      appliedTerm: () => 2,
      broken: (said) => void broken.push(said),
    });
    watch.watch(1, group as unknown as Group);
    (group as unknown as Group).propose(new Uint8Array(1), undefined, () => {});
    expect(broken).toEqual(["O30: node 1 proposes to group 7 in whatever term it is"]);
  });
});
