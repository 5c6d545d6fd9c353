import { StreamError } from "@millrace/base";
import type { Group, Lane } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import { SimRandom } from "../kernel/sim-random.ts";
import { ReadWatch } from "./read-watch.ts";

/** A group whose reads all end in `answer`. */
function groupOf(answer: number | StreamError) {
  let asked = 0;
  const group = {
    groupId: 7,
    role: "leader",
    readIndex: (done: (answer: number | StreamError) => void) => {
      asked += 1;
      done(answer);
    },
  } as unknown as Group;
  return { group, asked: () => asked };
}

function watched(answers: readonly (number | StreamError)[]) {
  const broken: string[] = [];
  const watch = new ReadWatch(
    new SimRandom(1n, "reads"),
    () => 5,
    (said) => void broken.push(said),
  );
  const groups = answers.map(groupOf);
  for (const [at, { group }] of groups.entries()) watch.watch(at + 1, group);
  const lanes = groups.map(({ group }) => ({ groups: () => [group] }) as unknown as Lane);
  watch.ask(lanes);
  return { broken, asked: groups.map(({ asked }) => asked() > 0) };
}

describe("reads of a group (O13)", () => {
  it("are asked of each node that takes itself for the leader", () => {
    const unavailable = new StreamError("unavailable", "deposed");
    expect(watched([5, unavailable])).toEqual({ broken: [], asked: [true, true] });
  });

  it("are wrong below what was applied when they were asked", () => {
    const { broken } = watched([5, 4]);
    expect(broken).toEqual(["O13: node 2 read group 7 at 4 after 5 was applied"]);
  });
});
