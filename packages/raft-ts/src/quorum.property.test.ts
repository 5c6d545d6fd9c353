/** Source: etcd-raft quorum/quick_test (TestQuick). */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jointCommittedIndex, jointVoteResult } from "./quorum-joint.ts";
import { majorityCommittedIndex, majorityVoteResult } from "./quorum-majority.ts";
import { AckedIndexes, slowCommittedIndex } from "./testing/quorum-runner.ts";

const SEED = 20_260_820;
const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 });
const acked = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 8 })))
  .map((pairs) => new AckedIndexes(pairs));
const votes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.boolean()))
  .map((pairs) => new Map(pairs));

describe(`quorums (seed ${SEED})`, () => {
  it("commit what counting holders for every candidate index finds", () => {
    fc.assert(
      fc.property(ids, acked, (voters, known) => {
        const config = new Set(voters);
        expect(majorityCommittedIndex(config, known)).toBe(slowCommittedIndex(config, known));
      }),
      { seed: SEED, numRuns: 50_000 },
    );
  });

  it("commit in a joint configuration the lower of both halves, in either order", () => {
    fc.assert(
      fc.property(ids, ids, acked, (left, right, known) => {
        const [a, b] = [new Set(left), new Set(right)];
        const lower = Math.min(slowCommittedIndex(a, known), slowCommittedIndex(b, known));
        expect([jointCommittedIndex([a, b], known), jointCommittedIndex([b, a], known)]).toEqual([
          lower,
          lower,
        ]);
      }),
      { seed: SEED, numRuns: 10_000 },
    );
  });

  it("never let a vote be won and lost by answers that are still open", () => {
    fc.assert(
      fc.property(ids, ids, votes, (left, right, cast) => {
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
      }),
      { seed: SEED, numRuns: 10_000 },
    );
  });
});
