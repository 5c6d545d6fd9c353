import { StreamError } from "@millrace/base";
import type { StreamRecord } from "@millrace/model";
import { parseSequenceNumber } from "@millrace/model";
import { beforeEach, describe, expect, it } from "vitest";

import { ACCOUNT, FakeBackend } from "../testing/fake-backend.ts";
import { TestService } from "../testing/test-service.ts";

const NOW = 1_700_000_042_123;
let backend: FakeBackend;
let service: TestService;
let stream: StreamRecord;

beforeEach(() => {
  backend = new FakeBackend(NOW);
  service = new TestService(backend);
  stream = backend.addStream({ streamName: "orders", shardCount: 2 });
});

const data = (text: string) => Buffer.from(text).toString("base64");
/** `a` hashes into the first of two shards, `foo` into the second (reference/kinesis-api 2.2). */
const first = (text: string) => ({ Data: data(text), PartitionKey: "a" });
const second = (text: string) => ({ Data: data(text), PartitionKey: "foo" });
const storedIn = (shardIndex: number) =>
  backend.stored(backend.view.shard(stream.streamId, shardIndex)?.groupId ?? 0).records.length;
const put = (input: object) => service.call("PutRecord", { StreamName: "orders", ...input });
const putMany = (Records: readonly object[], more: object = {}) =>
  service.call("PutRecords", { StreamName: "orders", Records, ...more });
const THROTTLED = {
  ErrorCode: "ProvisionedThroughputExceededException",
  ErrorMessage: `Rate exceeded for shard shardId-000000000000 in stream orders under account ${ACCOUNT}.`,
};
const FAILED = { ErrorCode: "InternalFailure", ErrorMessage: "Internal service failure." };
const failShard = (shardIndex: number | "all", error: StreamError) => {
  backend.putFault = (shard) =>
    shardIndex === "all" || shard.shardIndex === shardIndex ? error : undefined;
};

describe("PutRecord", () => {
  it("stores by MD5 of the key, or where ExplicitHashKey says", async () => {
    const answers = [
      await put(first("x")),
      await put(second("y")),
      await put({ ...first("z"), ExplicitHashKey: "340282366920938463463374607431768211455" }),
    ];
    expect(answers.map(({ body }) => body.ShardId)).toEqual([
      "shardId-000000000000",
      "shardId-000000000001",
      "shardId-000000000001",
    ]);
    expect(Object.keys(answers[0]?.body ?? {})).toEqual(["ShardId", "SequenceNumber"]);
    expect(parseSequenceNumber(answers[2]?.body.SequenceNumber ?? "")).toEqual({
      shardCreatedSec: 1_700_000_042,
      shardIndex: 1,
      offset: 1,
      arrivalSec: 1_700_000_042,
    });
  });

  it("refuses an ExplicitHashKey beyond the ring", async () => {
    const beyond = "340282366920938463463374607431768211456";
    expect((await put({ ...first("x"), ExplicitHashKey: beyond })).body).toEqual({
      __type: "InvalidArgumentException",
      message: `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${beyond}`,
    });
  });

  it("takes a SequenceNumberForOrdering of any shard or zero, not of the future, not garbage", async () => {
    const { body } = await put(second("x"));
    const of = async (SequenceNumberForOrdering: string) =>
      (await put({ ...first("x"), SequenceNumberForOrdering })).status;
    expect([await of(body.SequenceNumber ?? ""), await of("0")]).toEqual([200, 200]);
    const garbage = "9".repeat(56);
    expect((await put({ ...first("x"), SequenceNumberForOrdering: garbage })).body).toEqual({
      __type: "InvalidArgumentException",
      message:
        `ExclusiveMinimumSequenceNumber ${garbage} used in PutRecord on stream orders ` +
        `under account ${ACCOUNT} is invalid.`,
    });
    // The first records of a child are some seconds ahead of the clock.
    const numbers: number[] = [];
    for (const behindMs of [2_000, 1_000_000]) {
      service.nowMs = NOW - behindMs;
      backend.nowMs = service.nowMs;
      numbers.push(await of(body.SequenceNumber ?? ""));
    }
    expect(numbers).toEqual([200, 400]);
  });

  it("bounds the record by the stream's own maximum", async () => {
    const Data = Buffer.alloc(1024 * 1024 - 1).toString("base64");
    expect((await put({ Data, PartitionKey: "a" })).status).toBe(200);
    expect((await put({ Data, PartitionKey: "ab" })).body).toMatchObject({
      __type: "InvalidArgumentException",
      message: expect.stringContaining("1048577 bytes"),
    });
    backend.addStream({ streamName: "large", maxRecordSizeKib: 10_240 });
    const large = {
      StreamName: "large",
      Data: Buffer.alloc(10 * 1024 * 1024 - 1).toString("base64"),
    };
    expect((await service.call("PutRecord", { ...large, PartitionKey: "a" })).status).toBe(200);
  });

  it("is throttled by the shard's leader", async () => {
    backend.putFault = () => ({ baseOffset: 0, accepted: 0, arrivalMs: NOW, throttled: 1 });
    const { status, body } = await put(first("x"));
    expect([status, body]).toEqual([
      400,
      { __type: THROTTLED.ErrorCode, message: THROTTLED.ErrorMessage },
    ]);
  });

  it.each([
    ["unavailable", 503, "ServiceUnavailable"],
    ["overloaded", 503, "ServiceUnavailable"],
    ["disk-full", 503, "ServiceUnavailable"],
    ["stale-epoch", 503, "ServiceUnavailable"],
    ["indeterminate", 500, "InternalFailure"],
    ["deadline", 500, "InternalFailure"],
    ["corrupt", 500, "InternalFailure"],
    ["internal", 500, "InternalFailure"],
  ] as const)("answers %s with a status that SDKs retry", async (code, status, type) => {
    failShard("all", new StreamError(code, "no"));
    const answer = await put(first("x"));
    expect([answer.status, answer.body.__type]).toEqual([status, type]);
  });

  it("puts what a shard that was split did not take into its children", async () => {
    const parent = backend.view.shard(stream.streamId, 0);
    if (parent === undefined) throw new Error("no shard 0");
    const middle = parent.range.endingHashKey / 2n;
    let refused = 0;
    backend.putFault = (shard) => {
      if (shard.shardIndex !== 0) return undefined;
      refused++;
      const child = { parentShardIndex: 0 };
      const low = { startingHashKey: "0", endingHashKey: String(middle) };
      const high = { startingHashKey: String(middle + 1n), endingHashKey: parent.endingHashKey };
      backend.putShard(stream, { shardIndex: 0, state: "closed", epoch: 2 });
      backend.putShard(stream, { shardIndex: 2, ...child, ...low });
      backend.putShard(stream, { shardIndex: 3, ...child, ...high });
      return new StreamError("stale-epoch", "closed");
    };
    const at = (key: bigint) => ({ ...first(String(key)), ExplicitHashKey: String(key) });
    const { body } = await putMany([at(1n), second("y"), at(middle + 1n), at(2n)]);
    const shards = (body.Records as { ShardId: string }[]).map(({ ShardId }) => ShardId.slice(-1));
    expect([refused, body.FailedRecordCount, shards]).toEqual([1, 0, ["2", "1", "3", "2"]]);
    expect([0, 1, 2, 3].map(storedIn)).toEqual([0, 1, 2, 1]);
    expect((await put(at(3n))).body.ShardId).toBe("shardId-000000000002");
  });

  it("gives up on a shard map that sends records round in circles", async () => {
    let asked = 0;
    backend.putFault = () => {
      asked++;
      return new StreamError("stale-epoch", "not here");
    };
    expect([(await put(first("x"))).status, asked]).toEqual([503, 4]);
  });

  it("says that a stream is gone only when metadata confirms it", async () => {
    failShard("all", new StreamError("stale-epoch", "closed"));
    backend.onBarrier = () => backend.removeStream(ACCOUNT, "orders");
    expect((await put(first("x"))).body).toEqual({
      __type: "ResourceNotFoundException",
      message: `Stream orders under account ${ACCOUNT} not found.`,
    });
  });

  it("takes a stream that is DELETING for gone only when its shard takes no more", async () => {
    backend.putStream({ ...stream, status: "DELETING" });
    expect((await put(first("x"))).status).toBe(200);
    failShard("all", new StreamError("stale-epoch", "closed"));
    expect((await put(first("x"))).body.__type).toBe("ResourceNotFoundException");
  });

  it("never takes the word of a shard or node for it that the stream is gone", async () => {
    failShard("all", new StreamError("not-found", "no such replica"));
    expect((await put(first("x"))).status).toBe(503);
  });

  it("finds a stream that came with the barrier, and asks for none when it knows the stream", async () => {
    await put(first("x"));
    expect(backend.barriers).toBe(0);
    backend.onBarrier = () => backend.addStream({ streamName: "new" });
    const { status } = await service.call("PutRecord", { ...first("x"), StreamName: "new" });
    expect([status, backend.barriers]).toEqual([200, 1]);
  });

  it("does not find a stream that is CREATING", async () => {
    backend.putStream({ ...stream, status: "CREATING" });
    expect((await put(first("x"))).body.__type).toBe("ResourceNotFoundException");
  });

  it("does nothing in a dry run", async () => {
    expect((await put({ ...first("x"), DryRun: true })).body.__type).toBe(
      "DryRunOperationException",
    );
    expect(storedIn(0)).toBe(0);
  });
});

describe("PutRecords", () => {
  it("gives one result per record, in order, each shard's records in theirs", async () => {
    const records = [first("1"), second("2"), first("3"), second("4"), first("5")];
    const { body } = await putMany(records);
    expect(body.FailedRecordCount).toBe(0);
    const parts = body.Records?.map(({ ShardId, SequenceNumber }) => [
      ShardId,
      parseSequenceNumber(SequenceNumber ?? "")?.offset,
    ]);
    expect(parts).toEqual([
      ["shardId-000000000000", 0],
      ["shardId-000000000001", 0],
      ["shardId-000000000000", 1],
      ["shardId-000000000001", 1],
      ["shardId-000000000000", 2],
    ]);
  });

  it("marks what the shard's limits refused, behind what they let through", async () => {
    backend.putFault = (shard, count) =>
      shard.shardIndex === 0
        ? { baseOffset: 7, accepted: 1, arrivalMs: NOW, throttled: count - 1 }
        : undefined;
    const { status, body } = await putMany([first("1"), first("2"), second("3"), first("4")]);
    expect([status, body.FailedRecordCount]).toEqual([200, 2]);
    expect(body.Records?.map((entry) => entry.ErrorCode ?? "stored")).toEqual([
      "stored",
      THROTTLED.ErrorCode,
      "stored",
      THROTTLED.ErrorCode,
    ]);
    expect(body.Records?.[1]).toEqual(THROTTLED);
  });

  it("fails only the records of the shard that failed", async () => {
    failShard(0, new StreamError("unavailable", "no leader"));
    const { status, body } = await putMany([first("1"), second("2")]);
    expect([status, body.FailedRecordCount, body.Records?.[0], storedIn(1)]).toEqual([
      200,
      1,
      FAILED,
      1,
    ]);
  });

  it("is refused whole when every shard failed and nothing can be stored", async () => {
    failShard("all", new StreamError("unavailable", "no leader"));
    expect((await putMany([first("1"), second("2")])).status).toBe(503);
  });

  it("tells record by record when something may be stored", async () => {
    failShard("all", new StreamError("indeterminate", "no answer"));
    const { status, body } = await putMany([first("1"), second("2")]);
    expect([status, body]).toEqual([200, { FailedRecordCount: 2, Records: [FAILED, FAILED] }]);
  });

  it("fails the whole call for one bad ExplicitHashKey, record or request that is too large", async () => {
    const bad = { ...first("1"), ExplicitHashKey: "9".repeat(39) };
    const large = { Data: Buffer.alloc(1024 * 1024).toString("base64"), PartitionKey: "a" };
    const fits = { Data: Buffer.alloc(1024 * 1024 - 1).toString("base64"), PartitionKey: "a" };
    const answers = [
      await putMany([first("0"), bad]),
      await putMany([first("0"), large]),
      await putMany([...Array.from({ length: 10 }, () => fits), first("")]),
    ];
    expect(answers.map(({ body }) => body.__type)).toEqual(
      Array(3).fill("InvalidArgumentException"),
    );
    expect(answers[2]?.body.message).toBe("Records size exceeds 10 MB limit");
    expect(storedIn(0)).toBe(0);
  });

  it("takes 500 records and 10 MiB, in both encodings", async () => {
    const fits = Buffer.alloc(1024 * 1024 - 1);
    const ten = Array.from({ length: 10 }, () => fits);
    const json = ten.map((bytes) => ({ Data: bytes.toString("base64"), PartitionKey: "a" }));
    const cbor = ten.map((Data) => ({ Data, PartitionKey: "a" }));
    expect((await putMany(json)).body.FailedRecordCount).toBe(0);
    const input = { StreamName: "orders", Records: cbor };
    const answer = await service.call("PutRecords", input, { encoding: "cbor" });
    expect(answer.body.FailedRecordCount).toBe(0);
    expect(storedIn(0)).toBe(20);
    expect((await putMany(Array.from({ length: 501 }, () => first("")))).body.__type).toBe(
      "ValidationException",
    );
  });

  it("sends more than one batch to a shard when the headers leave no room in the first", async () => {
    const Data = Buffer.alloc((10 * 1024 * 1024) / 500 - 1);
    const Records = Array.from({ length: 500 }, () => ({ Data, PartitionKey: "a" }));
    const sent: number[] = [];
    backend.putFault = (_, count) => {
      sent.push(count);
      return undefined;
    };
    const input = { StreamName: "orders", Records };
    const { body } = await service.call("PutRecords", input, { encoding: "cbor" });
    const offsets = body.Records?.map((r) => parseSequenceNumber(r.SequenceNumber ?? "")?.offset);
    expect([body.FailedRecordCount, sent]).toEqual([0, [499, 1]]);
    expect(offsets).toEqual(Array.from({ length: 500 }, (_, index) => index));
  });

  it("keeps keys of any script and bytes of any value", async () => {
    const key = "ключ-鍵-🔑".repeat(20);
    await service.call(
      "PutRecords",
      {
        StreamName: "orders",
        Records: [{ Data: Buffer.from([0, 255]), PartitionKey: key, ExplicitHashKey: "0" }],
      },
      { encoding: "cbor" },
    );
    const { body } = await service.call("GetShardIterator", {
      StreamName: "orders",
      ShardId: "0",
      ShardIteratorType: "TRIM_HORIZON",
    });
    const page = await service.call("GetRecords", { ShardIterator: body.ShardIterator });
    expect(page.body.Records).toMatchObject([{ PartitionKey: key, Data: "AP8=" }]);
  });

  it("does nothing in a dry run", async () => {
    expect((await putMany([first("x")], { DryRun: true })).body.__type).toBe(
      "DryRunOperationException",
    );
    expect(storedIn(0)).toBe(0);
  });
});
