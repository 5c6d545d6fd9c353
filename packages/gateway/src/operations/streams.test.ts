import { StreamError } from "@millrace/base";
import type { StreamRecord } from "@millrace/model";
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
  stream = backend.addStream({ streamName: "orders", tags: { b: "2", a: "1", c: "3" } });
});

const told = async (operation: string, input: object) => {
  const { status, body } = await service.call(operation, input);
  return status === 200 ? "done" : `${body.__type}: ${body.message}`;
};
const NOT_FOUND = `ResourceNotFoundException: Stream none under account ${ACCOUNT} not found.`;
const ARN = `arn:aws:kinesis:us-east-1:${ACCOUNT}:stream/orders`;

describe("naming a stream", () => {
  const describeBy = (input: object) => told("DescribeStream", input);

  it("works by name, by ARN, and by both when they agree", async () => {
    for (const input of [
      { StreamName: "orders" },
      { StreamARN: ARN },
      { StreamName: "orders", StreamARN: ARN },
      { StreamARN: ARN, StreamId: "a".repeat(20) + "-000" },
    ]) {
      expect(await describeBy(input)).toBe("done");
    }
  });

  it("is refused by neither, by two that differ, by another account's or region's ARN", async () => {
    expect(await describeBy({})).toBe(
      "InvalidArgumentException: Either StreamName or StreamARN should be provided.",
    );
    expect(await describeBy({ StreamName: "other", StreamARN: ARN })).toBe(
      `InvalidArgumentException: StreamName other and StreamARN ${ARN} do not name the same stream.`,
    );
    const foreign = ARN.replace(ACCOUNT, "999999999999");
    expect(await describeBy({ StreamARN: foreign })).toMatch(
      /^AccessDeniedException: User: .* is not authorized to perform: kinesis:DescribeStream on resource: /,
    );
    const elsewhere = ARN.replace("us-east-1", "eu-west-1");
    expect(await describeBy({ StreamARN: elsewhere })).toBe(NOT_FOUND.replace("none", "orders"));
  });

  it.each([
    ["DescribeStream", {}],
    ["DescribeStreamSummary", {}],
    ["DeleteStream", {}],
    ["ListShards", {}],
    ["ListTagsForStream", {}],
    ["AddTagsToStream", { Tags: { a: "b" } }],
    ["RemoveTagsFromStream", { TagKeys: ["a"] }],
    ["IncreaseStreamRetentionPeriod", { RetentionPeriodHours: 48 }],
    ["DecreaseStreamRetentionPeriod", { RetentionPeriodHours: 24 }],
  ])("%s does not find one that is not there", async (operation, input) => {
    expect(await told(operation, { StreamName: "none", ...input })).toBe(NOT_FOUND);
  });
});

describe("CreateStream", () => {
  const created = (name: string) => backend.view.stream(ACCOUNT, name);
  const shardsOf = (name: string) => backend.view.shards(created(name)?.streamId ?? "").length;

  it("answers with an empty body", async () => {
    const { status, body } = await service.call("CreateStream", { StreamName: "n", ShardCount: 3 });
    expect([status, body, shardsOf("n"), created("n")?.streamMode]).toEqual([
      200,
      {},
      3,
      "PROVISIONED",
    ]);
  });

  it("makes four shards on demand when no number is given, and keeps size and tags", async () => {
    const input = { StreamName: "n", Tags: { k: "v" }, MaxRecordSizeInKiB: 2048 };
    expect(await told("CreateStream", input)).toBe("done");
    expect([shardsOf("n"), created("n")]).toMatchObject([
      4,
      { streamMode: "ON_DEMAND", tags: { k: "v" }, maxRecordSizeKib: 2048 },
    ]);
  });

  it("refuses a name that is taken, also when another caller took it meanwhile", async () => {
    const exists = `ResourceInUseException: Stream orders under account ${ACCOUNT} already exists.`;
    const input = { StreamName: "orders", ShardCount: 1 };
    expect(await told("CreateStream", input)).toBe(exists);
    backend.onBarrier = () => backend.removeStream(ACCOUNT, "orders");
    const { createStream } = backend.admin;
    backend.admin.createStream = async (order) => {
      backend.addStream(order);
      return createStream(order);
    };
    expect(await told("CreateStream", input)).toBe(exists);
  });

  it("refuses what does not go together, what is too much, and what is not there yet", async () => {
    const provisioned = { StreamModeDetails: { StreamMode: "PROVISIONED" } };
    const onDemand = { StreamModeDetails: { StreamMode: "ON_DEMAND" } };
    const errors = [
      await told("CreateStream", { StreamName: "n", ...provisioned }),
      await told("CreateStream", { StreamName: "n", ShardCount: 2, ...onDemand }),
      await told("CreateStream", { StreamName: "n", ShardCount: 10_001 }),
      await told("CreateStream", { StreamName: "n", ShardCount: 1, WarmThroughputMiBps: 5 }),
      await told("CreateStream", { StreamName: "n", ShardCount: 1, Tags: { "a%": "b" } }),
    ];
    expect(errors).toEqual([
      "ValidationException: ShardCount must be given for stream n in PROVISIONED mode.",
      "ValidationException: ShardCount must not be given for stream n in ON_DEMAND mode; it is 2.",
      `LimitExceededException: This request would exceed the shard limit for the account ${ACCOUNT} in us-east-1. ` +
        "Current shard count for the account: 1. Limit: 10000. Number of additional shards that would have resulted " +
        "from this request: 10001. Refer to the AWS Service Limits page " +
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to request higher limits.",
      "UnsupportedOperationException: WarmThroughputMiBps 5 is not supported by this version of Millrace.",
      expect.stringMatching(
        /^InvalidArgumentException: Failed to add tags to stream n under account/,
      ),
    ]);
    expect(created("n")).toBeUndefined();
  });
});

describe("DeleteStream", () => {
  it("deletes once and accepts a repetition while the stream is DELETING", async () => {
    backend.putStream({ ...stream, status: "DELETING" });
    expect(await told("DeleteStream", { StreamName: "orders" })).toBe("done");
    expect(backend.view.stream(ACCOUNT, "orders")?.status).toBe("DELETING");
    backend.putStream(stream);
    expect(await told("DeleteStream", { StreamName: "orders" })).toBe("done");
    expect(backend.view.stream(ACCOUNT, "orders")).toBeUndefined();
  });

  it("passes on that the cluster cannot do it now", async () => {
    backend.admin.deleteStream = async () => {
      throw new StreamError("unavailable", "no leader");
    };
    const { status } = await service.call("DeleteStream", { StreamName: "orders" });
    expect(status).toBe(503);
  });
});

describe("DescribeStream and DescribeStreamSummary", () => {
  it("show all of a stream", async () => {
    const { body } = await service.call("DescribeStream", { StreamName: "orders" });
    const common = {
      StreamName: "orders",
      StreamARN: ARN,
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      RetentionPeriodHours: 24,
      StreamCreationTimestamp: NOW / 1000,
      EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
      EncryptionType: "NONE",
    };
    expect(body).toEqual({
      StreamDescription: {
        ...common,
        Shards: [
          {
            ShardId: "shardId-000000000000",
            HashKeyRange: {
              StartingHashKey: "0",
              EndingHashKey: "340282366920938463463374607431768211455",
            },
            SequenceNumberRange: { StartingSequenceNumber: expect.stringMatching(/^4964643759/) },
          },
        ],
        HasMoreShards: false,
      },
    });
    const summary = await service.call("DescribeStreamSummary", { StreamName: "orders" });
    expect(summary.body).toEqual({
      StreamDescriptionSummary: {
        ...common,
        StreamId: stream.streamId,
        OpenShardCount: 1,
        ConsumerCount: 0,
        MaxRecordSizeInKiB: 1024,
      },
    });
  });

  it("shows no shard while the stream is CREATING", async () => {
    backend.putStream({ ...stream, status: "CREATING" });
    const { body } = await service.call("DescribeStream", { StreamName: "orders" });
    expect(body).toMatchObject({ StreamDescription: { StreamStatus: "CREATING", Shards: [] } });
  });

  it("pages through shards, 100 at most", async () => {
    backend.addStream({ streamName: "wide", shardCount: 150 });
    const page = async (input: object) => {
      const { body } = await service.call("DescribeStream", { StreamName: "wide", ...input });
      const { Shards, HasMoreShards } = (
        body as { StreamDescription: { Shards: { ShardId: string }[]; HasMoreShards: boolean } }
      ).StreamDescription;
      return [Shards.length, Shards[0]?.ShardId, HasMoreShards];
    };
    expect([
      await page({ Limit: 10_000 }),
      await page({ ExclusiveStartShardId: "shardId-000000000099" }),
      await page({ Limit: 1, ExclusiveStartShardId: "shardId-000000000148" }),
    ]).toEqual([
      [100, "shardId-000000000000", true],
      [50, "shardId-000000000100", false],
      [1, "shardId-000000000149", false],
    ]);
  });
});

describe("ListStreams and DescribeLimits", () => {
  it("lists the caller's streams by name, in pages, by name or token", async () => {
    for (const streamName of ["alpha", "zeta"]) backend.addStream({ streamName });
    backend.addStream({ streamName: "foreign", account: "999999999999", streamMode: "ON_DEMAND" });
    const first = await service.call("ListStreams", { Limit: 2 });
    expect(first.body).toMatchObject({
      StreamNames: ["alpha", "orders"],
      HasMoreStreams: true,
      StreamSummaries: [{ StreamName: "alpha" }, { StreamName: "orders", StreamARN: ARN }],
    });
    const rest = { StreamNames: ["zeta"], HasMoreStreams: false };
    const byToken = await service.call("ListStreams", { NextToken: first.body.NextToken });
    const byName = await service.call("ListStreams", { ExclusiveStartStreamName: "orders" });
    expect([byToken.body, byName.body]).toMatchObject([rest, rest]);
    expect(await told("ListStreams", { NextToken: "%%%" })).toBe(
      "InvalidArgumentException: Invalid NextToken.",
    );
    const limits = await service.call("DescribeLimits", {});
    expect(limits.body).toEqual({
      ShardLimit: 20_000,
      OpenShardCount: 3,
      OnDemandStreamCount: 0,
      OnDemandStreamCountLimit: 50,
    });
  });
});

describe("retention", () => {
  const change = (direction: "Increase" | "Decrease", RetentionPeriodHours: number) =>
    told(`${direction}StreamRetentionPeriod`, { StreamName: "orders", RetentionPeriodHours });
  const hours = () => backend.view.stream(ACCOUNT, "orders")?.retentionHours;

  it("goes up and down, and an equal period is no error in either direction", async () => {
    expect([await change("Increase", 24), await change("Increase", 8760), hours()]).toEqual([
      "done",
      "done",
      8760,
    ]);
    expect([await change("Decrease", 8760), await change("Decrease", 24), hours()]).toEqual([
      "done",
      "done",
      24,
    ]);
  });

  it("keeps within AWS's bounds and directions, in AWS's words", async () => {
    expect([
      await change("Increase", 23),
      await change("Increase", 8761),
      await change("Decrease", 48),
    ]).toEqual([
      "InvalidArgumentException: Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
      "InvalidArgumentException: Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.",
      "InvalidArgumentException: Requested retention period (48 hours) for stream orders can not be longer than existing retention period (24 hours). Use IncreaseRetentionPeriod API.",
    ]);
    await change("Increase", 72);
    expect(await change("Increase", 48)).toBe(
      "InvalidArgumentException: Requested retention period (48 hours) for stream orders can not be shorter than existing retention period (72 hours). Use DecreaseRetentionPeriod API.",
    );
  });

  it("needs an ACTIVE stream", async () => {
    backend.putStream({ ...stream, status: "CREATING" });
    expect(await change("Increase", 48)).toBe(
      `ResourceInUseException: Stream orders under account ${ACCOUNT} not ACTIVE, instead in state CREATING`,
    );
  });
});

describe("tags", () => {
  const add = (Tags: object) => told("AddTagsToStream", { StreamName: "orders", Tags });
  const list = async (input: object = {}) =>
    (await service.call("ListTagsForStream", { StreamName: "orders", ...input })).body;
  const tag = (Key: string, Value: string) => ({ Key, Value });

  it("are listed by key, in pages, strictly after a key", async () => {
    expect(await list({ Limit: 2 })).toEqual({
      Tags: [tag("a", "1"), tag("b", "2")],
      HasMoreTags: true,
    });
    expect(await list({ ExclusiveStartTagKey: "b" })).toEqual({
      Tags: [tag("c", "3")],
      HasMoreTags: false,
    });
  });

  it("are added over what is there, and removed where they are", async () => {
    expect(await add({ a: "9", é: "/=+-@:" })).toBe("done");
    const keys = { StreamName: "orders", TagKeys: ["b", "c", "missing"] };
    expect(await told("RemoveTagsFromStream", keys)).toBe("done");
    expect(await list()).toEqual({ Tags: [tag("a", "9"), tag("é", "/=+-@:")], HasMoreTags: false });
  });

  it("have two alphabets and a bound", async () => {
    expect(await add({ "a!": "b" })).toBe(
      "InvalidArgumentException: Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
    );
    expect(await add({ "a%": "b" })).toBe(
      `InvalidArgumentException: Failed to add tags to stream orders under account ${ACCOUNT} because some tags contained illegal characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.`,
    );
    const many = Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`k${index}`, ""]));
    expect(await add(many)).toBe(
      `InvalidArgumentException: Failed to add tags to stream orders under account ${ACCOUNT} because a given stream cannot have more than 50 tags associated with it.`,
    );
  });
});
