import { StreamError } from "@millrace/base";
import { decodeFailure, encodeFailure } from "@millrace/rpc";
import { describe, expect, it } from "vitest";

import { APPENDS_IN_FLIGHT_MAX } from "../bounds.ts";
import {
  ACCOUNT,
  clusterRecord,
  encodeBatch,
  GROUP_ID,
  shardRecord,
  shardView,
  streamRecord,
  nth,
} from "../testing/fixtures.ts";
import { codeOf, ShardBench } from "../testing/shard-bench.ts";
import { entryKind } from "../testing/shard-group-world.ts";

const producer = (sequence: number, id = 1) => ({ id, sequence });

describe("a put on the shard's leader", () => {
  it("is answered with its offset once it is applied, not before", () => {
    const bench = new ShardBench();
    const put = bench.put(["a", "b"]);
    bench.clock.runSoon();
    expect(put.outcome).toBe("pending");
    bench.world.commit();
    expect(put.outcome).toEqual({
      baseOffset: 0,
      count: 2,
      arrivalMs: bench.clock.nowMs(),
      term: 1,
      duplicate: false,
    });
  });

  it("shares one log entry with the other puts of its turn", () => {
    const bench = new ShardBench();
    const puts = ["a", "b", "c"].map((text) => bench.put([text, text]));
    bench.settle();
    expect(bench.world.committed.map(entryKind)).toEqual(["empty", "6 records"]);
    expect(puts.map(({ outcome }) => (outcome as { baseOffset: number }).baseOffset)).toEqual([
      0, 2, 4,
    ]);
    expect(bench.texts()).toEqual(["a", "a", "b", "b", "c", "c"]);
  });

  it("starts another entry when 1 MiB is full, and a larger batch is an entry of its own", () => {
    const bench = new ShardBench(3, shardView([streamRecord({ maxRecordSizeKib: 10_240 })]));
    const half = "x".repeat(600 * 1024);
    for (const text of [half, half, "x".repeat(3 * 1024 * 1024), "y"]) bench.put([text]);
    bench.settle();
    const kinds = ["empty", "1 records", "1 records", "1 records", "1 records"];
    expect(bench.world.committed.map(entryKind)).toEqual(kinds);
  });

  it("never gets an arrival time before the one ahead of it (E2) or the shard's creation", () => {
    const bench = new ShardBench();
    bench.put(["a"]);
    bench.settle();
    const first = bench.clock.nowMs();
    bench.clock.jump(-60_000);
    const late = bench.put(["b"]);
    bench.settle();
    expect(late.outcome).toMatchObject({ arrivalMs: first });

    const createdAtSec = Math.floor(first / 1000) + 100;
    const young = new ShardBench(3, shardView([shardRecord({ createdAtSec })]));
    const put = young.put(["a"]);
    young.settle();
    expect(put.outcome).toMatchObject({ arrivalMs: createdAtSec * 1000 });
  });
});

describe("refusals, after which nothing is stored (S4, S11)", () => {
  const refusedBy = (bench: ShardBench, put: { outcome: unknown }) => {
    bench.settle();
    return [codeOf(put.outcome), (put.outcome as StreamError).hint, bench.texts()];
  };

  it("sends a caller that asks a follower to the leader", () => {
    const bench = new ShardBench();
    const hint = { leaderNodeId: 1, leaderAddress: "127.0.0.1:7101", term: 1 };
    expect(refusedBy(bench, bench.put(["a"], { node: 2 }))).toEqual(["not-leader", hint, []]);
  });

  it("refuses another expected term", () => {
    const bench = new ShardBench();
    const put = bench.put(["a"], { expectedTerm: 5 });
    expect(refusedBy(bench, put)[0]).toBe("not-leader");
  });

  it("refuses an older shard map as stale and a newer one as unavailable", () => {
    const bench = new ShardBench();
    expect(refusedBy(bench, bench.put(["a"], { epoch: 2 }))).toEqual([
      "stale-epoch",
      { shardEpoch: 3 },
      [],
    ]);
    expect(refusedBy(bench, bench.put(["a"], { epoch: 4 }))[0]).toBe("unavailable");
  });

  it.each([
    ["creating", "unavailable"],
    ["closed", "stale-epoch"],
    ["deleting", "not-found"],
  ] as const)("refuses a shard that is %s as %s", (state, code) => {
    const bench = new ShardBench(3, shardView([shardRecord({ state })]));
    expect(refusedBy(bench, bench.put(["a"]))[0]).toBe(code);
  });

  it("refuses a key of another account, a full disk and a broken batch", () => {
    const bench = new ShardBench();
    const principal = { kind: "key", accessKeyId: "k", account: "210987654321" } as const;
    expect(refusedBy(bench, bench.put(["a"], { principal }))[0]).toBe("permission-denied");
    const broken = encodeBatch(["a"]);
    broken.fill(0, broken.length - 1);
    expect(refusedBy(bench, bench.put(broken))[0]).toBe("invalid-argument");
    bench.diskFull = true;
    expect(refusedBy(bench, bench.put(["a"]))[0]).toBe("disk-full");
  });

  it("refuses hash keys of another shard and records above the stream's size", () => {
    const bench = new ShardBench(3, shardView([shardRecord({ startingHashKey: "1" })]));
    expect(refusedBy(bench, bench.put(["a"]))[0]).toBe("stale-epoch");
    const small = new ShardBench();
    expect(refusedBy(small, small.put(["x".repeat(1025 * 1024)]))[0]).toBe("invalid-argument");
  });

  it("refuses what goes beyond the queue and takes more once it drained", () => {
    const bench = new ShardBench();
    const batch = encodeBatch(["a"]);
    const puts = Array.from({ length: APPENDS_IN_FLIGHT_MAX + 1 }, () => bench.put(batch));
    expect(codeOf(puts.at(-1)?.outcome)).toBe("overloaded");
    bench.settle();
    expect(puts.filter(({ outcome }) => codeOf(outcome) === "overloaded").length).toBe(1);
    const after = bench.put(batch);
    bench.settle();
    expect(after.outcome).toMatchObject({ baseOffset: APPENDS_IN_FLIGHT_MAX });
  });

  it("refuses all batches of the turn behind one that the log did not take", () => {
    const bench = new ShardBench();
    bench.leader.refusal = new StreamError("overloaded", "storage is behind");
    const puts = [bench.put(["a"]), bench.put(["b"])];
    bench.settle();
    bench.leader.refusal = undefined;
    expect(puts.map(({ outcome }) => codeOf(outcome))).toEqual(["overloaded", "overloaded"]);
    bench.put(["c"]);
    bench.settle();
    expect(bench.texts()).toEqual(["c"]);
  });

  it("refuses puts that wait for the end of the turn in which leadership went", () => {
    const bench = new ShardBench();
    const put = bench.put(["a"]);
    bench.world.elect(nth(bench.world.replicas, 1));
    bench.settle();
    expect(codeOf(put.outcome)).toBe("not-leader");
    expect(bench.texts()).toEqual([]);
  });

  it("accepts nothing behind a seal (S10)", () => {
    const bench = new ShardBench();
    bench.put(["a"]);
    bench.settle();
    bench.seal();
    const put = bench.put(["b"]);
    expect(codeOf(put.outcome)).toBe("stale-epoch");
    expect(bench.texts()).toEqual(["a"]);
  });
});

describe("a retried batch", () => {
  it("is answered with the offsets of its first copy", () => {
    const bench = new ShardBench();
    bench.put(["x"]);
    const first = bench.put(["a", "b"], { producer: producer(1) });
    bench.settle();
    const again = bench.put(["a", "b"], { producer: producer(1) });
    expect(again.outcome).toEqual({ ...(first.outcome as object), duplicate: true });
    expect(bench.texts()).toEqual(["x", "a", "b"]);
  });

  it("shares the answer of a first copy that is still in flight", () => {
    const bench = new ShardBench();
    const puts = [1, 1, 1].map((sequence) => bench.put(["a"], { producer: producer(sequence) }));
    bench.settle();
    expect(puts.map(({ outcome }) => (outcome as { duplicate: boolean }).duplicate)).toEqual([
      false,
      true,
      true,
    ]);
    expect(puts.map(({ answers }) => answers)).toEqual([1, 1, 1]);
    expect(bench.texts()).toEqual(["a"]);
  });

  it("is stored once when the leader changed between its copies", () => {
    const bench = new ShardBench();
    const first = bench.put(["a"], { producer: producer(1) });
    bench.clock.runSoon();
    bench.world.elect(nth(bench.world.replicas, 1), 1);
    expect(codeOf(first.outcome)).toBe("indeterminate");
    const again = bench.put(["a"], { producer: producer(1) });
    bench.settle();
    expect(again.outcome).toMatchObject({ baseOffset: 0, term: 2, duplicate: true });
    expect(bench.texts()).toEqual(["a"]);
  });

  it("is stored anew when its first copy was lost with the old leader", () => {
    const bench = new ShardBench();
    const first = bench.put(["a"], { producer: producer(1) });
    bench.clock.runSoon();
    bench.world.elect(nth(bench.world.replicas, 1), 0);
    const again = bench.put(["a"], { producer: producer(1) });
    bench.settle();
    expect([codeOf(first.outcome), again.outcome]).toEqual([
      "indeterminate",
      expect.objectContaining({ baseOffset: 0, duplicate: false }),
    ]);
  });

  it("may fill a gap behind a newer batch, but is refused when too old to remember", () => {
    const bench = new ShardBench();
    bench.put(["c"], { producer: producer(10) });
    bench.settle();
    const late = bench.put(["b"], { producer: producer(6) });
    const stale = bench.put(["a"], { producer: producer(5) });
    bench.settle();
    expect([late.outcome, codeOf(stale.outcome)]).toEqual([
      expect.objectContaining({ baseOffset: 1, duplicate: false }),
      "duplicate-stale",
    ]);
  });

  it("keeps producers apart", () => {
    const bench = new ShardBench();
    bench.put(["a"], { producer: producer(1, 1) });
    bench.put(["b"], { producer: producer(1, 2) });
    bench.settle();
    expect(bench.texts()).toEqual(["a", "b"]);
  });
});

describe("write limits", () => {
  const limited = (perShard: object) =>
    new ShardBench(3, shardView([clusterRecord({ limits: { kind: "custom", perShard } })]));
  const records = (count: number) => Array.from({ length: count }, () => "r");

  it("stores nothing of a batch that does not fit and says what would", () => {
    const bench = limited({ writeRecordsPerSec: 10 });
    bench.put(records(6));
    const put = bench.put(records(6));
    bench.settle();
    expect([codeOf(put.outcome), (put.outcome as StreamError).hint]).toEqual([
      "throttled",
      { recordsFree: 4, bytesFree: 1024 * 1024 - 6 * 4, retryAfterMs: 200 },
    ]);
    expect(bench.texts().length).toBe(6);
    bench.clock.advance(200);
    const again = bench.put(records(6));
    bench.settle();
    expect(again.outcome).toMatchObject({ baseOffset: 6, count: 6 });
  });

  it("lets one record above a second's worth through a full bucket and then waits for the debt", () => {
    const bench = limited({ writeBytesPerSec: 100 });
    const big = bench.put(["x".repeat(297)]); // 300 bytes with its key
    bench.settle();
    expect(big.outcome).toMatchObject({ baseOffset: 0 });
    bench.clock.advance(2000);
    expect(codeOf(bench.put(["a"]).outcome)).toBe("throttled");
    bench.clock.advance(100);
    const after = bench.put(["a"]);
    bench.settle();
    expect(after.outcome).toMatchObject({ baseOffset: 1 });
  });

  it("says nothing that the wire cannot carry, also of limits that are absurdly high or low", () => {
    const perShard = { writeRecordsPerSec: Number.MAX_SAFE_INTEGER, writeBytesPerSec: 1 };
    const cluster = clusterRecord({ limits: { kind: "custom", perShard } });
    const bench = new ShardBench(
      3,
      shardView([cluster, streamRecord({ maxRecordSizeKib: 10_240 })]),
    );
    bench.put(["x".repeat(5_000_000)]); // a debt of 58 days
    const { outcome } = bench.put(["a"]);
    expect(decodeFailure(Buffer.from(encodeFailure(outcome as StreamError)))).toMatchObject({
      code: "throttled",
      hint: { recordsFree: 0xffff_ffff, bytesFree: 0, retryAfterMs: 0xffff_ffff },
    });
  });

  it("does not let several records through on credit", () => {
    const bench = limited({ writeRecordsPerSec: 5 });
    expect(codeOf(bench.put(records(6)).outcome)).toBe("throttled");
  });

  it("does not charge duplicates and gives back what was refused after all", () => {
    const bench = limited({ writeRecordsPerSec: 2 });
    bench.put(["a"], { producer: producer(1) });
    bench.settle();
    bench.put(["a"], { producer: producer(1) });
    bench.leader.refusal = new StreamError("overloaded", "storage is behind");
    bench.put(["b"], { producer: producer(2) });
    bench.settle();
    bench.leader.refusal = undefined;
    const put = bench.put(["b"], { producer: producer(2) });
    bench.settle();
    expect(put.outcome).toMatchObject({ baseOffset: 1 });
  });

  it("follows the cluster's policy when it changes", () => {
    const bench = limited({ writeRecordsPerSec: 1 });
    bench.put(["a"]);
    expect(codeOf(bench.put(["b"]).outcome)).toBe("throttled");
    bench.view.apply(2, [clusterRecord({ limits: { kind: "unlimited" } })]);
    bench.put(["c"]);
    bench.settle();
    expect(bench.texts()).toEqual(["a", "c"]);
  });
});

describe("a caller whose metadata is newer than this node's", () => {
  it("is told to come again, not that the shard does not exist", () => {
    const bench = new ShardBench();
    let outcome: unknown;
    const request = { shardEpoch: 0, expectedTerm: 0, batch: encodeBatch(["a"]) };
    const principal = { kind: "key", accessKeyId: "k", account: ACCOUNT } as const;
    bench.shards().append(GROUP_ID + 1, request, principal, (answer) => (outcome = answer));
    expect(codeOf(outcome)).toBe("unavailable");
  });
});
