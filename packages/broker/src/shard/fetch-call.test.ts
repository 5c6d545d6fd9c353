import { describe, expect, it } from "vitest";

import { TAIL_WAITERS_MAX } from "../bounds.ts";
import { CLUSTER, clusterRecord, GROUP_ID, shardView, nth } from "../testing/fixtures.ts";
import { codeOf, ShardBench } from "../testing/shard-bench.ts";

const filled = (texts: readonly string[]) => {
  const bench = new ShardBench();
  for (const text of texts) {
    bench.put([text]);
    bench.settle();
    bench.clock.advance(1000);
  }
  return bench;
};

describe("fetching from the shard's leader", () => {
  it("gives committed records with their offsets, arrival and the ends of the shard", () => {
    const bench = filled(["a", "b"]);
    bench.put(["uncommitted"]);
    bench.clock.runSoon();
    const { outcome } = bench.fetch({ offset: 1 });
    expect(outcome).toMatchObject({
      slices: [{ baseOffset: 1, count: 1, arrivalMs: bench.clock.nowMs() - 1000 }],
      nextOffset: 2,
      endOffset: 2,
      trimOffset: 0,
      term: 1,
      nowMs: bench.clock.nowMs(),
      sealed: false,
    });
    expect(bench.texts({ offset: 1 })).toEqual(["b"]);
  });

  it("keeps both budgets but never gives less than one record", () => {
    const bench = filled(["aaaa", "bbbb", "cccc"]);
    expect(bench.texts({ maxRecords: 2 })).toEqual(["aaaa", "bbbb"]);
    expect(bench.texts({ maxBytes: 1 })).toEqual(["aaaa"]);
    expect(bench.texts({ maxBytes: 14 })).toEqual(["aaaa", "bbbb"]);
  });

  it("reads from disk what is no longer in memory", async () => {
    const bench = filled(["a", "b", "c"]);
    bench.leader.coldIndex = 3;
    const call = bench.fetch();
    await Promise.resolve();
    await expect.poll(() => call.outcome).toMatchObject({ nextOffset: 3 });
  });

  it("shows no page that came from disk after the leadership had gone (S5)", async () => {
    const bench = filled(["a", "b"]);
    bench.leader.coldIndex = 3;
    const call = bench.fetch();
    bench.world.elect(nth(bench.world.replicas, 1));
    await expect.poll(() => codeOf(call.outcome)).toBe("not-leader");
  });

  it("shows nothing and takes nothing before the leader has applied what earlier ones committed (S5)", async () => {
    const bench = filled(["a"]);
    Object.defineProperty(bench.leader, "isReadyLeader", { value: false });
    const request = {
      groupId: GROUP_ID,
      position: "LATEST" as const,
      timestampMs: 0,
      limited: false,
    };
    const located = bench.shards().locate(request, CLUSTER).catch(codeOf);
    const outcomes = [codeOf(bench.fetch().outcome), codeOf(bench.put(["b"]).outcome)];
    expect([...outcomes, await located]).toEqual(["unavailable", "unavailable", "unavailable"]);
  });

  it("sends readers of a follower to the leader", () => {
    const bench = filled(["a"]);
    expect(codeOf(bench.fetch({}, 2).outcome)).toBe("not-leader");
  });

  it("names the field, value and bound of a request that asks too much", () => {
    const { outcome } = filled([]).fetch({ maxRecords: 10_001 });
    expect(outcome).toMatchObject({
      code: "invalid-argument",
      message: "max_records is 10001, but must be in 1..10000",
    });
  });
});

describe("a long poll", () => {
  it("ends with the commit that it waited for", () => {
    const bench = filled(["a"]);
    const call = bench.fetch({ offset: 1, waitMs: 5000 });
    bench.put(["b"]);
    bench.clock.runSoon();
    expect(call.outcome).toBe("pending");
    bench.settle();
    expect(call.outcome).toMatchObject({ nextOffset: 2, slices: [{ baseOffset: 1, count: 1 }] });
  });

  it("is answered empty when its time is over, and not at all once its caller is gone", () => {
    const bench = filled(["a"]);
    const [kept, gone] = [1, 1].map((offset) => bench.fetch({ offset, waitMs: 5000 }));
    gone?.cancel();
    bench.clock.advance(4999);
    expect(kept?.outcome).toBe("pending");
    bench.clock.advance(1);
    expect(kept?.outcome).toMatchObject({ slices: [], nextOffset: 1, endOffset: 1 });
    expect(gone?.outcome).toBe("pending");
  });

  it("moves its caller to the new leader when leadership goes", () => {
    const bench = filled(["a"]);
    const call = bench.fetch({ offset: 1, waitMs: 5000 });
    bench.world.elect(nth(bench.world.replicas, 1));
    bench.clock.runSoon();
    expect(codeOf(call.outcome)).toBe("not-leader");
  });

  it("does not wait at the end of a sealed shard", () => {
    const bench = filled(["a"]);
    const call = bench.fetch({ offset: 1, waitMs: 5000 });
    bench.seal();
    expect(call.outcome).toMatchObject({ slices: [], endOffset: 1, sealed: true });
    expect(bench.fetch({ offset: 1, waitMs: 5000 }).outcome).toMatchObject({ sealed: true });
  });

  it("is refused beyond the bound of waiting readers", () => {
    const bench = filled([]);
    for (let waiters = 0; waiters < TAIL_WAITERS_MAX; waiters++) bench.fetch({ waitMs: 1000 });
    expect(codeOf(bench.fetch({ waitMs: 1000 }).outcome)).toBe("overloaded");
  });
});

describe("read limits", () => {
  const limited = () => new ShardBench(3, shardView([clusterRecord({ limits: { kind: "aws" } })]));

  it("admits five limited calls in a second and any number of others", () => {
    const bench = limited();
    const codes = Array.from({ length: 6 }, () => codeOf(bench.fetch({ limited: true }).outcome));
    expect(codes.map((code) => code === "throttled")).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(codeOf(bench.fetch().outcome)).not.toBe("throttled");
    bench.clock.advance(200);
    expect(codeOf(bench.fetch({ limited: true }).outcome)).not.toBe("throttled");
  });

  it("is shut after a large page until the debt is paid", () => {
    const bench = limited();
    const mib = "x".repeat(1024 * 1024 - 3);
    for (let count = 0; count < 6; count++) {
      bench.put([mib]);
      bench.settle();
      bench.clock.advance(1000);
    }
    const page = bench.fetch({ limited: true });
    expect(page.outcome).toMatchObject({ nextOffset: 6 });
    const refused = bench.fetch({ limited: true });
    expect(refused.outcome).toMatchObject({ code: "throttled", hint: { retryAfterMs: 2001 } });
    bench.clock.advance(2000);
    expect(codeOf(bench.fetch({ limited: true }).outcome)).toBe("throttled");
    bench.clock.advance(1);
    expect(bench.fetch({ limited: true }).outcome).toMatchObject({ nextOffset: 6 });
  });
});

describe("locating a position", () => {
  const locate = async (bench: ShardBench, position: string, timestampMs = 0, limited = false) => {
    const request = { groupId: GROUP_ID, position: position as "NONE", timestampMs, limited };
    const located = bench.shards().locate(request, CLUSTER);
    await Promise.resolve();
    bench.clock.runSoon();
    return (await located).offset;
  };

  it("finds the trim point, the newest record's successor and the first record of a time", async () => {
    const bench = new ShardBench();
    const startMs = bench.clock.nowMs();
    for (const text of ["a", "b", "c"]) {
      bench.put([text, text]);
      bench.settle();
      bench.clock.advance(1000);
    }
    expect(await locate(bench, "TRIM_HORIZON")).toBe(0);
    expect(await locate(bench, "LATEST")).toBe(6);
    const times = [startMs - 1, startMs, startMs + 1, startMs + 2000, startMs + 2001];
    const found = [];
    for (const timeMs of times) found.push(await locate(bench, "AT_TIMESTAMP", timeMs));
    expect(found).toEqual([0, 0, 2, 4, 6]);
    bench.leader.coldIndex = 4;
    expect(await locate(bench, "AT_TIMESTAMP", startMs + 1)).toBe(2);
  });

  it("finds the oldest record left for a time that was trimmed, past entries without records", async () => {
    const bench = new ShardBench();
    const startMs = bench.clock.nowMs();
    bench.put(["a"]);
    bench.settle();
    bench.clock.advance(1000);
    bench.world.elect(bench.leader);
    bench.put(["b"]);
    bench.settle();
    const trim = { kind: "trim", offset: 1, throughIndex: 2 } as const;
    bench.command({ ...trim, cutoffMs: startMs + 1, arrivalFloorMs: startMs + 1 });
    expect(await locate(bench, "AT_TIMESTAMP", startMs)).toBe(1);
  });

  it("takes from the iterator limit, NONE too", async () => {
    const bench = new ShardBench(3, shardView([clusterRecord({ limits: { kind: "aws" } })]));
    for (let calls = 0; calls < 5; calls++) await locate(bench, "NONE", 0, true);
    await expect(locate(bench, "TRIM_HORIZON", 0, true)).rejects.toMatchObject({
      code: "throttled",
    });
  });

  it.each([
    ["LATEST", 0],
    ["AT_TIMESTAMP", Number.MAX_SAFE_INTEGER],
  ] as const)("does not answer %s when leadership went before the barrier", async (...at) => {
    const bench = new ShardBench();
    const [position, timestampMs] = at;
    const request = { groupId: GROUP_ID, position, timestampMs, limited: false };
    const located = bench.shards(1).locate(request, CLUSTER);
    await Promise.resolve(); // the barrier is asked for
    bench.world.elect(nth(bench.world.replicas, 1));
    bench.clock.runSoon();
    await expect(located).rejects.toMatchObject({ code: "unavailable" });
  });
});
