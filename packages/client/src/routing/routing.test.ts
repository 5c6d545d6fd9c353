import { SeededRandom } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import { nodeRecord, shardOf, shardRecord, viewOfCluster } from "../testing/fixtures.ts";
import { Backoff } from "./backoff.ts";
import { LeaderCache } from "./leader-cache.ts";

const nodes = [1, 2, 3].map((nodeId) => nodeRecord(nodeId, { data: `data-${nodeId}` }));
const view = viewOfCluster(nodes, [shardRecord(0, [2, 3, 1])]);
const shard = shardOf(view, 0);

describe("the leader cache", () => {
  const nodeOf = (cache: LeaderCache) => cache.target(shard)?.nodeId;
  const asked = (nodeId: number, term = 0) => ({ nodeId, data: "", rpc: "", term });

  it("begins with the replica that placement prefers, and goes round when nodes fail", () => {
    const cache = new LeaderCache(view);
    const tried = [1, 2, 3, 4].map(() => {
      const nodeId = nodeOf(cache) ?? 0;
      cache.failed(shard.groupId, nodeId);
      return nodeId;
    });
    expect(tried).toEqual([2, 3, 1, 2]);
  });

  it("keeps to the node that served, with its term, and refuses an earlier term (S5)", () => {
    const cache = new LeaderCache(view);
    expect(cache.served(shard.groupId, 3, 7)).toBe(true);
    expect(cache.target(shard)).toMatchObject({ nodeId: 3, data: "data-3", term: 7 });
    expect(cache.served(shard.groupId, 1, 6)).toBe(false);
    expect(cache.target(shard)).toMatchObject({ nodeId: 3, term: 7 });
  });

  it("follows a hint, but takes no term from it as served (R1)", () => {
    const cache = new LeaderCache(view);
    const hint = { leaderNodeId: 1, term: 99 };
    expect(cache.redirected(shard.groupId, asked(2), hint)).toBe(true);
    expect(cache.target(shard)).toMatchObject({ nodeId: 1, term: 99 });
    expect(cache.served(shard.groupId, 1, 5)).toBe(true);
  });

  it("does not go back to the node that refused, unless for another term, nor to an unknown one", () => {
    const cache = new LeaderCache(view);
    const same = { leaderNodeId: 2, term: 4 };
    expect(cache.redirected(shard.groupId, asked(2, 3), same)).toBe(true);
    expect(cache.redirected(shard.groupId, asked(2, 4), same)).toBe(false);
    expect(nodeOf(cache)).toBe(3);
    expect(cache.redirected(shard.groupId, asked(3), { leaderNodeId: 9 })).toBe(false);
    expect(nodeOf(cache)).toBe(1);
  });

  it("forgets groups that metadata no longer has", () => {
    const own = viewOfCluster(nodes, [shardRecord(0, [2, 3, 1])]);
    const cache = new LeaderCache(own);
    cache.served(shard.groupId, 3, 7);
    own.reset(2, []);
    cache.prune();
    own.reset(3, viewOfCluster(nodes, [shardRecord(0, [2, 3, 1])]).snapshot());
    expect(cache.target(shard)).toMatchObject({ nodeId: 2, term: 0 });
  });
});

describe("waits between attempts", () => {
  const bounds = { backoffMsMin: 20, backoffMsMax: 500 };

  it("double from 20 to 500 ms, less up to half, and start again after a success", () => {
    const backoff = new Backoff(bounds, new SeededRandom(1));
    const full = [20, 40, 80, 160, 320, 500, 500];
    for (const ms of full) {
      const waited = backoff.wait();
      expect(waited).toBeGreaterThan(ms / 2 - 1);
      expect(waited).toBeLessThanOrEqual(ms);
    }
    backoff.reset();
    expect(backoff.wait()).toBeLessThanOrEqual(20);
    expect(backoff.wait(1000)).toBe(1000);
  });

  it("are skipped for as many moves as there are places, then not", () => {
    const backoff = new Backoff(bounds, new SeededRandom(1));
    const waits = Array.from({ length: 8 }, () => backoff.move(3) > 0);
    expect(waits).toEqual([false, false, false, true, false, false, false, true]);
  });
});
