import { StreamError } from "@millrace/base";
import type { Shard, StreamRecord } from "@millrace/model";
import { SequenceNumbers } from "@millrace/model";
import { beforeEach, describe, expect, it } from "vitest";

import { EpochMs } from "../protocol/values.ts";
import { ACCOUNT, FakeBackend } from "../testing/fake-backend.ts";
import { TestService } from "../testing/test-service.ts";

const NOW = 1_700_000_042_123;
let backend: FakeBackend;
let service: TestService;
let stream: StreamRecord;
let shard: Shard;
let numbers: SequenceNumbers;

beforeEach(async () => {
  backend = new FakeBackend(NOW);
  service = new TestService(backend);
  stream = backend.addStream({ streamName: "orders" });
  shard = backend.view.shard(stream.streamId, 0) as Shard;
  numbers = new SequenceNumbers(shard.createdAtSec, 0);
  for (const text of ["one", "two", "three"]) {
    const Data = Buffer.from(text).toString("base64");
    await service.call("PutRecord", { StreamName: "orders", PartitionKey: "a", Data });
    backend.nowMs += 1000;
    service.nowMs += 1000;
  }
});

const iteratorFor = (ShardIteratorType: string, more: object = {}) =>
  service.call("GetShardIterator", {
    StreamName: "orders",
    ShardId: "0",
    ShardIteratorType,
    ...more,
  });
const read = (ShardIterator: string | undefined, more: object = {}) =>
  service.call("GetRecords", { ShardIterator, ...more });
const textsFrom = async (type: string, more: object = {}) => {
  const page = await read((await iteratorFor(type, more)).body.ShardIterator);
  return page.body.Records?.map(({ Data }) => Buffer.from(Data ?? "", "base64").toString());
};
const told = async (type: string, more: object = {}) => {
  const { body } = await iteratorFor(type, more);
  return `${body.__type}: ${body.message}`;
};

describe("GetShardIterator", () => {
  const number = (offset: number) => ({
    StartingSequenceNumber: numbers.at(offset, NOW + 1000 * offset),
  });

  it("starts where each of the five types says", async () => {
    expect([
      await textsFrom("TRIM_HORIZON"),
      await textsFrom("LATEST"),
      await textsFrom("AT_SEQUENCE_NUMBER", number(1)),
      await textsFrom("AFTER_SEQUENCE_NUMBER", number(1)),
      await textsFrom("AT_TIMESTAMP", { Timestamp: (NOW + 1000) / 1000 }),
      await textsFrom("AT_SEQUENCE_NUMBER", {
        StartingSequenceNumber: numbers.start(shard.createdAtSec),
      }),
      await textsFrom("AT_SEQUENCE_NUMBER", { StartingSequenceNumber: numbers.end(NOW) }),
    ]).toEqual([
      ["one", "two", "three"],
      [],
      ["two", "three"],
      ["three"],
      ["two", "three"],
      ["one", "two", "three"],
      [],
    ]);
  });

  it("fixes LATEST when it is asked, so that a later put is seen", async () => {
    const { body } = await iteratorFor("LATEST");
    await service.call("PutRecord", { StreamName: "orders", PartitionKey: "a", Data: "Zm91cg==" });
    expect((await read(body.ShardIterator)).body.Records).toMatchObject([{ Data: "Zm91cg==" }]);
  });

  it("takes the shard ids that AWS takes, and its errors are in AWS's order", async () => {
    for (const ShardId of ["shardId-0", "a-00", "0"]) {
      expect((await iteratorFor("LATEST", { ShardId })).status).toBe(200);
    }
    const withNumber = { StartingSequenceNumber: numbers.at(0, NOW) };
    expect([
      await told("LATEST", { ShardId: "shard", ...withNumber }),
      await told("LATEST", { ShardId: "2147483648" }),
      await told("LATEST", { StreamName: "none", ShardId: "1" }),
      await told("LATEST", { ShardId: "7", ...withNumber }),
      await told("LATEST", withNumber),
      await told("AT_SEQUENCE_NUMBER"),
      await told("AT_SEQUENCE_NUMBER", { StartingSequenceNumber: "123" }),
      await told("AT_SEQUENCE_NUMBER", {
        StartingSequenceNumber: new SequenceNumbers(shard.createdAtSec, 5).at(0, NOW),
      }),
      await told("AT_SEQUENCE_NUMBER", {
        StartingSequenceNumber: new SequenceNumbers(shard.createdAtSec - 1, 0).at(0, NOW),
      }),
      await told("AT_TIMESTAMP"),
      await told("AT_TIMESTAMP", { Timestamp: (service.nowMs + 1) / 1000 }),
    ]).toEqual([
      `ResourceNotFoundException: Could not find shard shard in stream orders under account ${ACCOUNT}.`,
      `ResourceNotFoundException: Could not find shard 2147483648 in stream orders under account ${ACCOUNT}.`,
      `ResourceNotFoundException: Shard shardId-000000000001 in stream none under account ${ACCOUNT} does not exist`,
      `ResourceNotFoundException: Shard shardId-000000000007 in stream orders under account ${ACCOUNT} does not exist`,
      "InvalidArgumentException: Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified LATEST and also a StartingSequenceNumber.",
      "InvalidArgumentException: Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.",
      `InvalidArgumentException: StartingSequenceNumber 123 used in GetShardIterator on shard shardId-000000000000 in stream orders under account ${ACCOUNT} is invalid.`,
      "InvalidArgumentException: Invalid StartingSequenceNumber. It encodes shardId-000000000005, while it was used in a call to a shard with shardId-000000000000",
      expect.stringMatching(/is invalid because it did not come from this stream\.$/),
      "InvalidArgumentException: Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.",
      `InvalidArgumentException: The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: ${service.nowMs + 1}, currentTimestampInMillis: ${service.nowMs}`,
    ]);
  });

  it("is throttled by the shard's leader, after all other checks", async () => {
    backend.locateError = new StreamError("throttled", "slow down");
    expect(await told("LATEST")).toBe(
      `ProvisionedThroughputExceededException: Rate exceeded for shard shardId-000000000000 in stream orders under account ${ACCOUNT}.`,
    );
    expect(await told("AT_SEQUENCE_NUMBER")).toMatch(/^InvalidArgumentException/);
  });

  it("finds no shard of a stream that is CREATING", async () => {
    backend.putStream({ ...stream, status: "CREATING" });
    expect(await told("LATEST")).toMatch(/does not exist$/);
  });
});

describe("GetRecords", () => {
  it("gives the records with their numbers, times, keys and bytes, and no encryption type", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    const page = await read(body.ShardIterator, { Limit: 1 });
    expect(page.body).toEqual({
      Records: [
        {
          SequenceNumber: numbers.at(0, NOW),
          ApproximateArrivalTimestamp: NOW / 1000,
          Data: "b25l",
          PartitionKey: "a",
        },
      ],
      MillisBehindLatest: 3000,
      NextShardIterator: expect.any(String),
    });
  });

  it("gives bytes and times in CBOR as bytes and tagged milliseconds", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    const input = { ShardIterator: body.ShardIterator, Limit: 1 };
    const page = await service.call("GetRecords", input, { encoding: "cbor" });
    expect(page.body.Records).toEqual([
      {
        SequenceNumber: numbers.at(0, NOW),
        ApproximateArrivalTimestamp: new EpochMs(NOW),
        Data: Buffer.from("one"),
        PartitionKey: "a",
      },
    ]);
  });

  it("gives a new iterator each time, which goes on where the page ended, and keeps the old one good", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    const page = await read(body.ShardIterator, { Limit: 2 });
    const again = await read(body.ShardIterator, { Limit: 2 });
    expect(again.body.Records).toEqual(page.body.Records);
    const next = await read(page.body.NextShardIterator);
    expect([next.body.Records?.length, next.body.MillisBehindLatest]).toEqual([1, 0]);
    const empty = await read(next.body.NextShardIterator);
    expect(empty.body.Records).toEqual([]);
    const tokens = [body.ShardIterator, page, next, empty].map((token) =>
      typeof token === "object" ? token.body.NextShardIterator : token,
    );
    expect(new Set(tokens).size).toBe(4);
  });

  it("goes on at the horizon when its position was trimmed", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    backend.stored(shard.groupId).trimOffset = 2;
    expect((await read(body.ShardIterator)).body.Records?.length).toBe(1);
  });

  it("ends a closed shard with children and no iterator, in one reply and not before", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    backend.stored(shard.groupId).sealed = true;
    const unknown = await read(body.ShardIterator);
    expect([typeof unknown.body.NextShardIterator, unknown.body.ChildShards]).toEqual([
      "string",
      undefined,
    ]);
    backend.putShard(stream, { shardIndex: 0, state: "closed", closedAtMs: NOW + 2000 });
    for (const shardIndex of [1, 2]) backend.putShard(stream, { shardIndex, parentShardIndex: 0 });
    const part = await read(body.ShardIterator, { Limit: 1 });
    expect([typeof part.body.NextShardIterator, part.body.ChildShards]).toEqual([
      "string",
      undefined,
    ]);
    const last = await read(body.ShardIterator);
    expect(last.body).toMatchObject({
      MillisBehindLatest: 1000,
      ChildShards: [
        { ShardId: "shardId-000000000001", ParentShards: ["shardId-000000000000"] },
        { ShardId: "shardId-000000000002", ParentShards: ["shardId-000000000000"] },
      ],
    });
    expect("NextShardIterator" in last.body).toBe(false);
  });

  it("is throttled by the shard's leader", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    backend.fetchError = new StreamError("throttled", "slow down");
    expect((await read(body.ShardIterator)).body).toEqual({
      __type: "ProvisionedThroughputExceededException",
      message: `Rate exceeded for Shard - ${ACCOUNT}/orders/shardId-000000000000`,
    });
  });

  it("says that the stream is gone only when metadata confirms what the shard hints", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    backend.fetchError = new StreamError("not-found", "no such replica");
    backend.locateError = backend.fetchError;
    expect([(await read(body.ShardIterator)).status, (await iteratorFor("LATEST")).status]).toEqual(
      [503, 503],
    );
    backend.putStream({ ...stream, status: "DELETING" });
    expect((await read(body.ShardIterator)).body.__type).toBe("ResourceNotFoundException");
  });

  it("does not find the shard of a deleted stream, or of its successor", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    backend.addStream({ streamName: "orders" });
    expect((await read(body.ShardIterator)).body).toEqual({
      __type: "ResourceNotFoundException",
      message: `Shard shardId-000000000000 in stream orders under account ${ACCOUNT} does not exist`,
    });
  });

  it("refuses another account's iterator and another stream's ARN", async () => {
    const { body } = await iteratorFor("TRIM_HORIZON");
    backend.addKey("AKIDOTHER", "other", "999999999999");
    const other = { accessKeyId: "AKIDOTHER", secret: "other" };
    const foreign = await service.call("GetRecords", { ShardIterator: body.ShardIterator }, other);
    expect(foreign.body.__type).toBe("AccessDeniedException");
    const StreamARN = `arn:aws:kinesis:us-east-1:${ACCOUNT}:stream/other`;
    expect((await read(body.ShardIterator, { StreamARN })).body.__type).toBe(
      "InvalidArgumentException",
    );
  });

  it("tells of garbage and of age", async () => {
    expect((await read("AAAA")).body.message).toBe("Invalid ShardIterator.");
    const { body } = await iteratorFor("TRIM_HORIZON");
    service.nowMs += 300_001;
    expect((await read(body.ShardIterator)).body.__type).toBe("ExpiredIteratorException");
  });
});
