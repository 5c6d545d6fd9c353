import { StreamError } from "@millrace/base";
import { RecordingLogger } from "@millrace/base/testing";
import { afterEach, describe, expect, it } from "vitest";

import { MillraceClient } from "./client.ts";
import type { ClientOptions } from "./options.ts";
import { FakeCluster } from "./testing/fake-cluster.ts";
import { ACCOUNT, encoded, shardOf, shardRecord, STREAM_NAME } from "./testing/fixtures.ts";

const DEADLINE_MS = 5000;
let cluster: FakeCluster;
let client: MillraceClient;

async function connect(
  nodeCount: number,
  shardCount: number,
  change: Partial<ClientOptions> = {},
): Promise<void> {
  const nodeIds = Array.from({ length: nodeCount }, (_, index) => index + 1);
  const shards = Array.from({ length: shardCount }, (_, index) => shardRecord(index, nodeIds));
  cluster = await FakeCluster.start(nodeCount, shards);
  client = new MillraceClient(cluster.options(change));
  await client.ready(DEADLINE_MS);
}

afterEach(async () => {
  await client.close();
  await cluster.close();
});

const shard = (index = 0) => shardOf(client.view, index);
const model = (index = 0) => cluster.shard(100 + index).model;
const put = (values: readonly string[], index = 0, deadlineMs = DEADLINE_MS) =>
  client.producer.put(shard(index), encoded(values), deadlineMs);
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof StreamError ? error.code : String(error)),
  );
const countOf = (values: readonly unknown[]) => values.length;

describe("puts", () => {
  it("of one turn to one shard travel as one batch, and each learns its own offsets", async () => {
    await connect(1, 1);
    const outcomes = await Promise.all([put(["a", "b"]), put(["c"]), put(["d", "e", "f"])]);
    expect(outcomes.map(({ baseOffset, accepted }) => [baseOffset, accepted])).toEqual([
      [0, 2],
      [2, 1],
      [3, 3],
    ]);
    expect(model().log).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(countOf(cluster.appends)).toBe(1);
  });

  it("of one turn to many shards of one broker travel over one stream", async () => {
    await connect(1, 200);
    await Promise.all(Array.from({ length: 200 }, (_, index) => put([`v${index}`], index)));
    expect(countOf(cluster.appendStreams)).toBe(1);
    expect(countOf(cluster.appends)).toBe(200);
    expect(Array.from({ length: 200 }, (_, index) => model(index).log)).toEqual(
      Array.from({ length: 200 }, (_, index) => [`v${index}`]),
    );
  });

  it("beyond five batches under way wait and are joined (P3)", async () => {
    await connect(1, 1);
    const held: (() => void)[] = [];
    cluster.onAppend = (append) => held.push(() => cluster.answer(append)) > 0;
    const puts = [];
    for (let turn = 0; turn < 9; turn++) {
      puts.push(put([`v${turn}`]));
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    }
    await expect.poll(() => held.length).toBe(5);
    cluster.onAppend = () => false;
    for (const answer of held) answer();
    await Promise.all(puts);
    expect(model().log).toEqual(Array.from({ length: 9 }, (_, turn) => `v${turn}`));
    expect(cluster.appends.map(({ request }) => request.batch.readUInt32LE(12))).toEqual([
      1, 1, 1, 1, 1, 4,
    ]);
  });

  it("follow the leader's hint, and go there at once the next time", async () => {
    await connect(3, 1);
    cluster.shard(100).leader = 3;
    await put(["a"]);
    await put(["b"]);
    expect(cluster.appends.map(({ nodeId }) => nodeId)).toEqual([1, 3, 3]);
    expect(cluster.appends.at(-1)?.request.expectedTerm).toBe(1);
  });

  it("go to the next replica at once when nobody listens at the first", async () => {
    await connect(3, 1);
    await cluster.stopData(1);
    cluster.shard(100).leader = 2;
    const outcome = await put(["a"], 0, 1000);
    expect(outcome.accepted).toBe(1);
    expect(cluster.appends.map(({ nodeId }) => nodeId)).toEqual([2]);
  });

  it("are resent with the same sequence after a cut stream, and stored once", async () => {
    await connect(1, 1);
    let cut = false;
    cluster.onAppend = (append) => {
      if (cut) return false;
      cut = true;
      cluster.answer(append, false);
      append.stream.end(new StreamError("unavailable", "going away"));
      return true;
    };
    const outcome = await put(["a", "b"]);
    expect(outcome).toMatchObject({ baseOffset: 0, accepted: 2, throttled: 0 });
    expect(model().log).toEqual(["a", "b"]);
    const sequences = cluster.appends.map(({ request }) => request.batch.readBigUInt64LE(24));
    expect(sequences).toEqual([1n, 1n]);
  });

  it("are resent elsewhere when no answer comes in time", async () => {
    await connect(2, 1, { limits: { attemptTimeoutMs: 100 } });
    cluster.onAppend = ({ nodeId }) => nodeId === 1;
    cluster.shard(100).leader = 2;
    expect((await put(["a"])).accepted).toBe(1);
    expect(model().log).toEqual(["a"]);
  });

  it("tell exactly which records a write limit refused, over joined puts", async () => {
    await connect(1, 1);
    cluster.shard(100).free = { records: 3, bytes: 1000 };
    const outcomes = await Promise.all([put(["a", "b"]), put(["c", "d"]), put(["e"])]);
    expect(outcomes).toMatchObject([
      { baseOffset: 0, accepted: 2, throttled: 0 },
      { baseOffset: 2, accepted: 1, throttled: 1 },
      { accepted: 0, throttled: 1 },
    ]);
    expect(model().log).toEqual(["a", "b", "c"]);
    expect(model().sequences).toEqual([1]);
  });

  it("are all throttled when the limit takes nothing", async () => {
    await connect(1, 1);
    cluster.shard(100).free = { records: 0, bytes: 0 };
    expect(await put(["a", "b"])).toMatchObject({ accepted: 0, throttled: 2 });
    expect(model().log).toEqual([]);
  });

  it("judge each put by itself when one of a joined batch is invalid", async () => {
    await connect(1, 1);
    const bad = encoded(["x"]);
    new DataView(bad.batch.buffer, bad.batch.byteOffset).setUint16(32 + 20, 0, true);
    const [good, refused] = await Promise.all([
      put(["a"]),
      codeOf(client.producer.put(shard(), bad, DEADLINE_MS)),
    ]);
    expect([good.accepted, refused, model().log]).toEqual([1, "invalid-argument", ["a"]]);
  });

  it("end with `deadline` when they may be stored, with `unavailable` when they cannot be", async () => {
    await connect(1, 2);
    cluster.onAppend = ({ request }) => request.groupId === 100;
    cluster.shard(101).leader = 9;
    const codes = await Promise.all([codeOf(put(["a"], 0, 200)), codeOf(put(["b"], 1, 200))]);
    expect(codes).toEqual(["deadline", "unavailable"]);
  });

  it("wait for a newer shard map after `stale-epoch`, and go on with it", async () => {
    await connect(1, 1);
    const refusal = new StreamError("stale-epoch", "newer", { hint: { shardEpoch: 2 } });
    const fail = await failing(refusal, 1);
    const outcome = put(["a"]);
    await expect.poll(() => fail.count).toBe(1);
    cluster.commitShard(shardRecord(0, [1], { epoch: 2 }));
    expect((await outcome).accepted).toBe(1);
    expect(cluster.appends.map(({ request }) => request.shardEpoch)).toEqual([1, 2]);
  });

  it("report `stale-epoch` when the shard was closed", async () => {
    await connect(1, 1);
    const refusal = new StreamError("stale-epoch", "sealed", { hint: { shardEpoch: 2 } });
    const fail = await failing(refusal, 100);
    const code = codeOf(put(["a"]));
    await expect.poll(() => fail.count).toBe(1);
    cluster.commitShard(shardRecord(0, [1], { epoch: 2, state: "closed" }));
    expect([await code, fail.count]).toEqual(["stale-epoch", 1]);
  });

  it("report what no retry mends, at once", async () => {
    await connect(1, 1);
    await failing(new StreamError("disk-full", "no space"), 100);
    expect(await codeOf(put(["a"]))).toBe("disk-full");
    await failing(new StreamError("duplicate-stale", "too old"), 100);
    expect(await codeOf(put(["b"]))).toBe("indeterminate");
    expect(await codeOf(put([]))).toBe("invalid-argument");
  });

  it("are refused with `overloaded` beyond the bounds of a lane", async () => {
    await connect(1, 1, { limits: { lanePutsMax: 2 } });
    cluster.onAppend = () => true;
    const waiting = [put(["a"], 0, 100), put(["b"], 0, 100)].map(codeOf);
    expect(await codeOf(put(["c"]))).toBe("overloaded");
    expect(await Promise.all(waiting)).toEqual(["deadline", "deadline"]);
  });

  it("wait for room in a full stream, and are `overloaded` when none comes", async () => {
    await connect(1, 3, { limits: { streamRequestsMax: 1 } });
    const held: (() => void)[] = [];
    cluster.onAppend = (append) => held.push(() => cluster.answer(append)) > 0;
    const first = put(["a"], 0);
    const late = codeOf(put(["b"], 1, 100));
    const second = put(["c"], 2);
    expect(await late).toBe("overloaded");
    cluster.onAppend = () => false;
    for (const answer of held) answer();
    expect((await Promise.all([first, second])).map(({ accepted }) => accepted)).toEqual([1, 1]);
    expect(model(1).log).toEqual([]);
  });

  it("move to a newly signed stream before the signature is too old", async () => {
    await connect(1, 1, { limits: { resignAfterMs: 50 } });
    await put(["a"]);
    await new Promise((resolve) => cluster.ports.clock.schedule(60, () => resolve(undefined)));
    await put(["b"]);
    expect(countOf(cluster.appendStreams)).toBe(2);
    expect(model().log).toEqual(["a", "b"]);
  });

  it("go on over a new stream when the far end answers with nonsense", async () => {
    await connect(1, 1);
    let spoiled = false;
    cluster.onAppend = ({ stream }) => {
      if (spoiled) return false;
      spoiled = true;
      stream.send([Buffer.from([0xff, 0xff])]);
      return true;
    };
    expect((await put(["a"])).accepted).toBe(1);
    expect([countOf(cluster.appendStreams), model().log]).toEqual([2, ["a"]]);
  });

  it("of a closed client fail: sent ones as `indeterminate`, later ones as `unavailable`", async () => {
    await connect(1, 1);
    cluster.onAppend = () => true;
    const sent = codeOf(put(["a"]));
    await expect.poll(() => cluster.appends.length).toBe(1);
    await client.close();
    expect([await sent, await codeOf(put(["b"]))]).toEqual(["indeterminate", "unavailable"]);
  });

  it("go on after a broker restarted", async () => {
    await connect(1, 1);
    await put(["a"]);
    await cluster.stopData(1);
    const during = put(["b"]);
    await cluster.restartData(1);
    await during;
    expect(model().log).toEqual(["a", "b"]);
  });
});

async function failing(error: StreamError, times: number): Promise<{ count: number }> {
  const { encodeAppendResponse } = await import("@millrace/rpc");
  const state = { count: 0 };
  cluster.onAppend = ({ stream, request }) => {
    if (state.count >= times) return false;
    state.count++;
    stream.send(encodeAppendResponse({ requestId: request.requestId, failure: error }));
    return true;
  };
  return state;
}

describe("fetches", () => {
  const query = { offset: 0, maxBytes: 1_000_000, maxRecords: 10 };

  it("return a page from the leader, wherever it is", async () => {
    await connect(3, 1);
    cluster.shard(100).leader = 2;
    await put(["a", "b", "c"]);
    const page = await client.reader.fetch(shard(), { ...query, offset: 1 }, DEADLINE_MS);
    expect(page).toMatchObject({
      nextOffset: 3,
      endOffset: 3,
      trimOffset: 0,
      sealed: false,
      term: 1,
    });
    expect(page.slices.map(({ baseOffset, count }) => [baseOffset, count])).toEqual([[1, 2]]);
  });

  it("refuse a page of a lower term than one seen before (S5, Q1)", async () => {
    await connect(2, 1);
    cluster.shard(100).term = 5;
    await put(["a"]);
    const asked: number[] = [];
    cluster.onFetch = ({ requestId }, nodeId) => {
      asked.push(nodeId);
      if (nodeId === 2) return undefined;
      const numbers = { nextOffset: 0, endOffset: 0, trimOffset: 0, nowMs: 1 };
      return { requestId, slices: [], ...numbers, term: 4, sealed: false };
    };
    cluster.shard(100).leader = 2;
    const page = await client.reader.fetch(shard(), query, DEADLINE_MS);
    expect([page.term, page.endOffset, asked]).toEqual([5, 1, [1, 2]]);
  });

  it("pass on `throttled`, and give `unavailable` when no leader is found in time", async () => {
    await connect(1, 1);
    const failure = new StreamError("throttled", "limit");
    cluster.onFetch = ({ requestId }) => ({ requestId, failure });
    expect(await codeOf(client.reader.fetch(shard(), query, DEADLINE_MS))).toBe("throttled");
    cluster.onFetch = () => undefined;
    cluster.shard(100).leader = 9;
    expect(await codeOf(client.reader.fetch(shard(), query, 150))).toBe("unavailable");
  });

  it("resolve positions at the leader", async () => {
    await connect(2, 1);
    cluster.shard(100).leader = 2;
    await put(["a", "b"]);
    expect(await client.reader.locate(shard(), "LATEST", undefined, true, DEADLINE_MS)).toEqual({
      offset: 2,
      trimOffset: 0,
      endOffset: 2,
    });
    expect(
      await codeOf(client.reader.locate(shard(), "AT_TIMESTAMP", undefined, true, DEADLINE_MS)),
    ).toBe("invalid-argument");
  });
});

describe("metadata", () => {
  it("is complete before `ready` resolves, and follows changes", async () => {
    await connect(1, 2);
    expect(client.view.shards(shard().streamId).map(({ groupId }) => groupId)).toEqual([100, 101]);
    cluster.commitShard(shardRecord(1, [1], { epoch: 7 }));
    await expect.poll(() => client.view.shardOfGroup(101)?.epoch).toBe(7);
  });

  it("resumes from its index at another coordinator after a cut", async () => {
    await connect(2, 1);
    const first = cluster.tails[0];
    cluster.commitShard(shardRecord(0, [1], { epoch: 2 }));
    await expect.poll(() => client.view.index).toBe(2);
    cluster.cutTails(first?.nodeId ?? 0);
    cluster.commitShard(shardRecord(0, [1], { epoch: 3 }));
    await expect.poll(() => client.view.shardOfGroup(100)?.epoch).toBe(3);
    const last = cluster.tails.at(-1);
    expect([last?.nodeId, last?.request.fromIndex]).toEqual([2, 2]);
  });

  it("stays where it is, rather than skip a record that this version cannot read", async () => {
    const logger = new RecordingLogger();
    await connect(1, 1, { logger });
    cluster.commit([{ key: "future/1", json: '{"v":1}' }]);
    cluster.commitShard(shardRecord(0, [1], { epoch: 2 }));
    await expect.poll(() => logger.lines.some(({ level }) => level === "error")).toBe(true);
    expect([client.view.index, client.view.shardOfGroup(100)?.epoch]).toEqual([1, 1]);
    expect(await codeOf(client.barrier(100))).toBe("unavailable");
  });

  it("is refused at once to a caller with a wrong secret", async () => {
    await connect(1, 1);
    const credentials = { accessKeyId: "millrace-cluster", secret: "wrong", region: "local" };
    const stranger = new MillraceClient(cluster.options({ credentials }));
    expect(await codeOf(stranger.ready(DEADLINE_MS))).toBe("unauthenticated");
    await stranger.close();
  });
});

describe("barriers (S12)", () => {
  const barriers = () => cluster.calls.filter(({ method }) => method === "Barrier");

  it("of one turn share one call, at the leader that a follower names", async () => {
    await connect(3, 1);
    cluster.coordinatorLeader = 2;
    await client.barrier(DEADLINE_MS);
    expect(barriers().map(({ nodeId }) => nodeId)).toEqual([1, 2]);
    await Promise.all(Array.from({ length: 100 }, () => client.barrier(DEADLINE_MS)));
    expect(barriers().map(({ nodeId }) => nodeId)).toEqual([1, 2, 2]);
  });

  it("that come while as many calls as allowed are under way share the next one", async () => {
    await connect(1, 1, { limits: { barriersInFlightMax: 1 } });
    const answers: (() => void)[] = [];
    cluster.onBarrier = () => new Promise((resolve) => answers.push(() => resolve(1)));
    const first = client.barrier(DEADLINE_MS);
    await expect.poll(() => answers.length).toBe(1);
    let later = 0;
    const others = [1, 2, 3].map(() => client.barrier(DEADLINE_MS).then(() => later++));
    answers[0]?.();
    await first;
    expect(later).toBe(0);
    await expect.poll(() => answers.length).toBe(2);
    answers[1]?.();
    await Promise.all(others);
    expect(barriers()).toHaveLength(2);
  });

  it("wait until the own metadata has reached the leader's index", async () => {
    await connect(1, 1, { tailDelayMs: 150 });
    cluster.commitShard(shardRecord(0, [1], { epoch: 9 }));
    expect(client.view.shardOfGroup(100)?.epoch).toBe(1);
    await client.barrier(DEADLINE_MS);
    expect(client.view.shardOfGroup(100)?.epoch).toBe(9);
  });

  it("are `unavailable` without a leader, or with a tail that lags, until the deadline", async () => {
    await connect(1, 1);
    cluster.onBarrier = () => Promise.reject(new StreamError("unavailable", "no quorum"));
    expect(await codeOf(client.barrier(150))).toBe("unavailable");
    cluster.onBarrier = () => Promise.resolve(1000);
    expect(await codeOf(client.barrier(150))).toBe("unavailable");
  });
});

describe("changes to the cluster", () => {
  const tags = { account: ACCOUNT, streamName: STREAM_NAME, set: { a: "b" } };
  const createStream = { account: ACCOUNT, streamName: "new", shardCount: 1 };

  it("go to the leader and resolve when the own metadata shows them", async () => {
    await connect(3, 1, { tailDelayMs: 50 });
    cluster.coordinatorLeader = 3;
    await client.admin.createStream(createStream);
    expect(client.view.index).toBe(cluster.index);
    const asked = cluster.calls.map(({ nodeId, method }) => [nodeId, method]);
    expect(asked).toEqual([
      [1, "CreateStream"],
      [3, "CreateStream"],
    ]);
  });

  it("are not repeated when they may have been made and twice is not the same as once (C1)", async () => {
    await connect(1, 1);
    cluster.onChange = () => {
      throw new StreamError("indeterminate", "lost leadership");
    };
    const { admin } = client;
    // Found by seed 114 of the simulator: the repetition wrote over another client's tag.
    const changes: readonly (() => Promise<unknown>)[] = [
      () => admin.createStream(createStream),
      () => admin.updateTags(tags),
      () => admin.updateRetention({ ...tags, direction: "increase", retentionHours: 48 }),
      () => admin.updateLimits({ limits: "aws" }),
      () => admin.updatePlacementPolicy({ movesMax: 2 }),
      () => admin.setNodeGoal(1, "drain"),
      () => admin.rebalance("start"),
    ];
    for (const [at, change] of changes.entries()) {
      expect([await codeOf(change()), countOf(cluster.calls)]).toEqual(["indeterminate", at + 1]);
    }
    let failures = 2;
    cluster.onChange = () => {
      if (failures-- > 0) throw new StreamError("indeterminate", "lost leadership");
    };
    await admin.reportReplicas({ nodeId: 1, incarnation: "0".repeat(32), replicas: [] });
    expect(countOf(cluster.calls)).toBe(changes.length + 3);
  });

  it("pass on what the coordinator answers", async () => {
    await connect(1, 1);
    cluster.onChange = () => {
      throw new StreamError("already-exists", "stream new exists");
    };
    expect(await codeOf(client.admin.createStream(createStream))).toBe("already-exists");
  });

  it("give up with `unavailable` when no coordinator leads", async () => {
    await connect(1, 1);
    cluster.onChange = () => {
      throw new StreamError("not-leader", "an election runs");
    };
    expect(await codeOf(client.admin.createStream(createStream, 600))).toBe("unavailable");
  });
});
