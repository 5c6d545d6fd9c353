/**
 * One voter at a time: two majorities that differ in one voter share one, others may not.
 *
 * Source: Ongaro thesis 4.1; etcd-raft `confchange` Simple.
 */
import { describe, expect, it } from "vitest";
import { ConfChanger, type ConfChangeSingle } from "./conf-change.ts";
import { configToString } from "./progress-tracker.ts";
import { bareRaft } from "./testing/bare-raft.ts";
import type { TestStart } from "./testing/test-cluster.ts";

const add = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeAddNode", nodeId });
const remove = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeRemoveNode", nodeId });
const learn = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeAddLearnerNode", nodeId });

function simple(start: TestStart, ...changes: readonly ConfChangeSingle[]): string {
  const { tracker } = bareRaft(start);
  return configToString(new ConfChanger(tracker, 0).simple(changes).config);
}

describe("a simple change", () => {
  it.each([
    ["two more voters", [add(4), add(5)]],
    ["two voters less", [remove(2), remove(3)]],
    ["one voter for another", [remove(3), add(4)]],
    ["two voters made learners", [learn(2), learn(3)]],
  ])("refuses %s", (_, changes) => {
    expect(() => simple({}, ...changes)).toThrow(
      "more than one voter changed without entering joint config",
    );
  });

  it.each([
    ["one more voter", [add(4)], "voters=(1 2 3 4)"],
    ["one voter less", [remove(3)], "voters=(1 2)"],
    [
      "a voter and any number of learners",
      [add(4), learn(5), learn(6)],
      "voters=(1 2 3 4) learners=(5 6)",
    ],
    ["one voter there and back", [remove(3), add(3)], "voters=(1 2 3)"],
  ])("makes %s", (_, changes, config) => {
    expect(simple({}, ...changes)).toBe(config);
  });
});
