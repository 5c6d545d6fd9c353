import { describe, expect, it } from "vitest";

import type { Candidate } from "./placement.ts";
import { placeShards } from "./placement.ts";

function broker(nodeId: number, changes: Partial<Candidate> = {}): Candidate {
  return { nodeId, host: `host-${nodeId}`, ready: true, replicas: 0, leaders: 0, ...changes };
}
const three = [broker(1), broker(2), broker(3)];

describe("placing the replicas of new shards", () => {
  it("gives each of three brokers every shard and a third of the leaders", () => {
    const placed = placeShards(three, 6, 0);
    expect(placed.map((replicas) => new Set(replicas))).toEqual(
      Array.from({ length: 6 }, () => new Set([1, 2, 3])),
    );
    expect(placed.map(([leader]) => leader)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it("takes three replicas by default, or as many as there are hosts", () => {
    const counts = [1, 2, 3, 4, 5].map((count) => {
      const brokers = Array.from({ length: count }, (_, at) => broker(at + 1));
      return placeShards(brokers, 1, 0)[0]?.length;
    });
    expect(counts).toEqual([1, 2, 3, 3, 3]);
  });

  it("never puts two replicas of a shard on one host label", () => {
    const shared = [broker(1, { host: "a" }), broker(2, { host: "a" }), broker(3, { host: "b" })];
    expect(placeShards(shared, 4, 2)).toEqual([
      [1, 3],
      [2, 3],
      [3, 1],
      [2, 3],
    ]);
    expect(() => placeShards(shared, 1, 3)).toThrow(
      "replicationFactor is 3, but the brokers have 2 different host labels",
    );
  });

  it("fills up the emptier brokers first", () => {
    const loaded = [
      broker(1, { replicas: 10, leaders: 10 }),
      broker(2),
      broker(3, { replicas: 1 }),
      broker(4),
    ];
    expect(placeShards(loaded, 2, 3)).toEqual([
      [2, 4, 3],
      [4, 2, 3],
    ]);
  });

  it("leaves out a broker that is not ready while others are enough", () => {
    const placed = placeShards([...three, broker(4, { ready: false })], 5, 3);
    expect(placed.flat()).not.toContain(4);
  });

  it("takes one that is not ready as last resort, never as preferred leader", () => {
    const oneDown = [broker(1, { ready: false }), broker(2), broker(3)];
    const placed = placeShards(oneDown, 4, 3);
    expect(placed.map(([leader]) => leader)).toEqual([2, 3, 2, 3]);
    expect(placed.every((replicas) => replicas.includes(1))).toBe(true);
  });

  it("refuses where a majority of the replicas would not be ready", () => {
    const twoDown = [broker(1, { ready: false }), broker(2, { ready: false }), broker(3)];
    expect(() => placeShards(twoDown, 1, 3)).toThrow(/a majority of 3 replicas must be/);
    expect(() => placeShards([broker(1, { ready: false }), broker(2)], 1, 2)).toThrow(
      /a majority of 2/,
    );
  });

  it("says so when there is no broker at all", () => {
    expect(() => placeShards([], 1, 0)).toThrow("no broker is registered and in service");
  });
});
