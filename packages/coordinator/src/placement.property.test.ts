import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { placeShards } from "./placement.ts";

const SEED = 20_260_825;

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

describe(`placement, seed ${SEED}`, () => {
  it("keeps replicas apart, and brokers on hosts of their own evenly loaded", () => {
    const input = fc.record({
      brokers: fc.integer({ min: 1, max: 12 }),
      shards: fc.integer({ min: 1, max: 120 }),
      factor: fc.integer({ min: 1, max: 7 }),
    });
    fc.assert(
      fc.property(input, ({ brokers, shards, factor }) => {
        fc.pre(factor <= brokers);
        const nodeIds = Array.from({ length: brokers }, (_, at) => at + 1);
        const candidates = nodeIds.map((nodeId) => ({
          nodeId,
          host: `host-${nodeId}`,
          ready: true,
          replicas: 0,
          leaders: 0,
        }));
        const placed = placeShards(candidates, shards, factor);
        expect(placed).toHaveLength(shards);
        for (const replicas of placed) expect(new Set(replicas).size).toBe(factor);
        const replicaCounts = nodeIds.map(
          (nodeId) => placed.filter((replicas) => replicas.includes(nodeId)).length,
        );
        const leaderCounts = nodeIds.map(
          (nodeId) => placed.filter(([leader]) => leader === nodeId).length,
        );
        expect(spread(replicaCounts)).toBeLessThanOrEqual(1);
        expect(spread(leaderCounts)).toBeLessThanOrEqual(2);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("keeps host labels apart however brokers, labels and failures are mixed", () => {
    const broker = fc.record({
      host: fc.constantFrom("a", "b", "c", "d", "e"),
      ready: fc.boolean(),
      replicas: fc.integer({ min: 0, max: 50 }),
      leaders: fc.integer({ min: 0, max: 20 }),
    });
    const input = fc.tuple(
      fc.array(broker, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 5 }),
    );
    fc.assert(
      fc.property(input, ([brokers, factor]) => {
        const candidates = brokers.map((each, at) => ({ ...each, nodeId: at + 1 }));
        const hosts = new Set(brokers.map(({ host }) => host)).size;
        const ready = new Set(brokers.filter((each) => each.ready).map(({ host }) => host)).size;
        const wanted = factor === 0 ? Math.min(3, hosts) : factor;
        const possible = wanted <= hosts && ready * 2 > wanted;
        if (!possible) {
          expect(() => placeShards(candidates, 5, factor)).toThrow();
          return;
        }
        for (const replicas of placeShards(candidates, 5, factor)) {
          const chosen = replicas.map((nodeId) => candidates[nodeId - 1]);
          expect(new Set(chosen.map((each) => each?.host)).size).toBe(wanted);
          expect(chosen.filter((each) => each?.ready).length * 2).toBeGreaterThan(wanted);
          expect(chosen[0]?.ready).toBe(true);
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
