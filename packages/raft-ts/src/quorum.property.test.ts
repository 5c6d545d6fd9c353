/**
 * Quorums against the slow way to find them: count, for every candidate, who holds it.
 * Source: etcd-raft v3.7 quorum/quick_test (TestQuick).
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jointCommittedIndex, jointVoteResult } from "./quorum-joint.ts";
import { majorityCommittedIndex, majorityVoteResult } from "./quorum-majority.ts";
import { AckedIndexes, slowCommittedIndex } from "./testing/quorum-runner.ts";

const SEED = 20_260_820;
const RUNS = 50_000;
const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 });
const acked = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 8 })))
  .map((pairs) => new AckedIndexes(pairs));
const votes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.boolean()))
  .map((pairs) => new Map(pairs));

/** Runs `check` RUNS times and makes sure that it did. */
function assertAll<T extends [unknown, ...unknown[]]>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  check: (...values: T) => void,
): void {
  let runs = 0;
  const counted = (...values: T): void => {
    runs += 1;
    check(...values);
  };
  fc.assert(fc.property(...arbitraries, counted), { seed: SEED, numRuns: RUNS });
  expect(runs).toBe(RUNS);
}

describe(`quorums (seed ${SEED})`, () => {
  it("commit what counting holders for every candidate index finds", () => {
    let positive = 0;
    assertAll([ids, acked], (voters, known) => {
      const config = new Set(voters);
      const index = majorityCommittedIndex(config, known);
      expect(index).toBe(slowCommittedIndex(config, known));
      if (index > 0 && index < Infinity) positive += 1;
    });
    // Chance must not have given only configurations in which nothing is committed.
    expect(positive).toBeGreaterThan(RUNS / 20);
  });

  it("commit in a joint configuration the lower of both halves, in either order", () => {
    assertAll([ids, ids, acked], (left, right, known) => {
      const [a, b] = [new Set(left), new Set(right)];
      const lower = Math.min(slowCommittedIndex(a, known), slowCommittedIndex(b, known));
      expect([jointCommittedIndex([a, b], known), jointCommittedIndex([b, a], known)]).toEqual([
        lower,
        lower,
      ]);
    });
  });

  it("never let a vote be won and lost by answers that are still open", () => {
    assertAll([ids, ids, votes], (left, right, cast) => {
      const joint = [new Set(left), new Set(right)] as const;
      const result = jointVoteResult(joint, cast);
      if (result === "VotePending") return;
      // A decided vote stays decided whatever the others answer.
      for (const answer of [true, false]) {
        const all = new Map(cast);
        for (const id of [...left, ...right]) if (!all.has(id)) all.set(id, answer);
        expect(jointVoteResult(joint, all)).toBe(result);
      }
      expect([majorityVoteResult(joint[0], cast), majorityVoteResult(joint[1], cast)]).toContain(
        result,
      );
    });
  });
});
