import { describe, expect, it } from "vitest";

import { clusterRecord, HOUR_MS, shardView, streamRecord, nth } from "../testing/fixtures.ts";
import { ShardBench } from "../testing/shard-bench.ts";
import { entryKind } from "../testing/shard-group-world.ts";
import { trimShard } from "./trim.ts";

const DAY_MS = 24 * HOUR_MS;

/** One record per hour. */
const hours = (count: number) => {
  const bench = new ShardBench();
  for (let hour = 0; hour < count; hour++) {
    bench.put([`h${hour}`]);
    bench.settle();
    bench.clock.advance(HOUR_MS);
  }
  return bench;
};
const trimNow = async (bench: ShardBench, trimClockMs = bench.clock.nowMs()) => {
  bench.view.apply(bench.view.index + 1, [clusterRecord({ trimClockMs })]);
  await trimShard(bench.context(bench.leader.nodeId), bench.leader.hosted);
  bench.settle();
};

describe("retention", () => {
  it("drops whole entries older than the stream keeps, on every replica alike (S9)", async () => {
    const bench = hours(30);
    await trimNow(bench);
    expect(bench.texts()[0]).toBe("h6");
    for (const replica of bench.world.replicas) replica.catchUp();
    const points = bench.world.replicas.map(({ hosted }) => hosted.state.trimOffset);
    expect(points).toEqual([6, 6, 6]);
    expect(bench.world.replicas.map((replica) => replica.firstIndex())).toEqual([8, 8, 8]);
  });

  it("goes by the committed clock when the broker's own runs ahead, and by its own when that is behind", async () => {
    const bench = hours(30);
    await trimNow(bench, bench.clock.nowMs() - 3 * HOUR_MS);
    expect(bench.texts()[0]).toBe("h3");
    bench.clock.jump(-30 * HOUR_MS);
    await trimNow(bench, bench.clock.nowMs() + 40 * HOUR_MS);
    expect(bench.texts()[0]).toBe("h3");
  });

  it("drops everything when all is too old, and goes on from the same offset", async () => {
    const bench = hours(3);
    bench.clock.advance(DAY_MS);
    await trimNow(bench);
    expect(bench.fetch().outcome).toMatchObject({ trimOffset: 3, nextOffset: 3, endOffset: 3 });
    const put = bench.put(["new"]);
    bench.settle();
    expect([put.outcome, bench.texts()]).toEqual([
      expect.objectContaining({ baseOffset: 3 }),
      ["new"],
    ]);
  });

  it("writes nothing when there is nothing to drop, so that idle shards stay asleep", async () => {
    const bench = hours(3);
    bench.clock.advance(DAY_MS);
    await trimNow(bench);
    const entries = bench.world.committed.length;
    bench.clock.advance(DAY_MS);
    await trimNow(bench);
    expect(bench.world.committed.length).toBe(entries);
    expect(entryKind(nth(bench.world.committed, -1))).toBe("command 1");
  });

  it("drops nothing for a follower, without metadata, or before a longer retention is over", async () => {
    const bench = hours(30);
    const before = bench.world.committed.length;
    await trimShard(bench.context(2), nth(bench.world.replicas, 1).hosted);
    bench.view.apply(2, [streamRecord({ retentionHours: 48 })]);
    await trimNow(bench);
    expect(bench.world.committed.length).toBe(before);
    const bare = new ShardBench(1, shardView([streamRecord({ streamId: "other" })]));
    await trimNow(bare);
    expect(bare.world.committed.length).toBe(1);
  });

  it("continues a reader below the trim point at the trim point", async () => {
    const bench = hours(30);
    await trimNow(bench);
    expect(bench.texts({ offset: 2, maxRecords: 2 })).toEqual(["h6", "h7"]);
  });

  it("gives a follower that starts at the trim point the same state in the end", async () => {
    const bench = hours(30);
    bench.put(["p"], { producer: { id: 4, sequence: 1 } });
    bench.settle();
    await trimNow(bench);
    const [leader, follower] = [nth(bench.world.replicas, 0), nth(bench.world.replicas, 1)];
    follower.installFrom(leader, bench.host);
    follower.catchUp();
    expect(follower.hosted.snapshot()).toEqual(leader.hosted.snapshot());
    expect(follower.hosted.state).toMatchObject({ trimOffset: 6, nextOffset: 31 });
  });
});
