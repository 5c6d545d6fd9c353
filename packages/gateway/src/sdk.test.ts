import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteStreamCommand,
  DescribeLimitsCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  ListTagsForStreamCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RemoveTagsFromStreamCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { StreamError } from "@millrace/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ACCESS_KEY, ACCOUNT, SECRET } from "./testing/fake-backend.ts";
import type { TestGateway } from "./testing/test-gateway.ts";
import { startGateway } from "./testing/test-gateway.ts";

const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET };
const text = (data: Uint8Array | undefined) => Buffer.from(data ?? []).toString();

describe.each(["HTTP/2", "HTTP/1.1"])("the AWS SDK for JavaScript over %s", (protocol) => {
  let test: TestGateway;
  let client: KinesisClient;

  beforeAll(async () => {
    test = await startGateway();
    client = new KinesisClient({
      endpoint: test.url,
      region: "eu-west-1",
      credentials,
      maxAttempts: 1,
      ...(protocol === "HTTP/1.1" ? { requestHandler: new NodeHttpHandler() } : {}),
    });
  });
  afterAll(async () => {
    client.destroy();
    await test.gateway.close(1000);
  });

  it("creates, describes and lists a stream", async () => {
    await client.send(new CreateStreamCommand({ StreamName: "orders", ShardCount: 2 }));
    const described = await client.send(new DescribeStreamCommand({ StreamName: "orders" }));
    expect(described.StreamDescription).toMatchObject({
      StreamName: "orders",
      StreamARN: `arn:aws:kinesis:us-east-1:${ACCOUNT}:stream/orders`,
      StreamStatus: "ACTIVE",
      HasMoreShards: false,
      RetentionPeriodHours: 24,
      StreamCreationTimestamp: new Date(test.backend.nowMs),
      Shards: [
        {
          ShardId: "shardId-000000000000",
          HashKeyRange: {
            StartingHashKey: "0",
            EndingHashKey: "170141183460469231731687303715884105727",
          },
        },
        { ShardId: "shardId-000000000001" },
      ],
    });
    const summary = await client.send(new DescribeStreamSummaryCommand({ StreamName: "orders" }));
    expect(summary.StreamDescriptionSummary).toMatchObject({ OpenShardCount: 2 });
    const streams = await client.send(new ListStreamsCommand({}));
    expect(streams).toMatchObject({ StreamNames: ["orders"], HasMoreStreams: false });
    const limits = await client.send(new DescribeLimitsCommand({}));
    expect(limits).toMatchObject({ OpenShardCount: 2, OnDemandStreamCount: 0 });
  });

  it("lists shards in pages", async () => {
    const first = await client.send(new ListShardsCommand({ StreamName: "orders", MaxResults: 1 }));
    expect(first.Shards?.map(({ ShardId }) => ShardId)).toEqual(["shardId-000000000000"]);
    const second = await client.send(new ListShardsCommand({ NextToken: first.NextToken }));
    expect(second.Shards?.map(({ ShardId }) => ShardId)).toEqual(["shardId-000000000001"]);
    expect(second.NextToken).toBeUndefined();
  });

  it("puts records and reads them back in order", async () => {
    const one = await client.send(
      new PutRecordCommand({ StreamName: "orders", PartitionKey: "a", Data: Buffer.from("first") }),
    );
    const many = await client.send(
      new PutRecordsCommand({
        StreamARN: `arn:aws:kinesis:us-east-1:${ACCOUNT}:stream/orders`,
        Records: [
          { PartitionKey: "a", Data: Buffer.from("second") },
          { PartitionKey: "a", Data: Buffer.alloc(0) },
          { PartitionKey: "foo", Data: Buffer.from("elsewhere") },
        ],
      }),
    );
    expect(many.FailedRecordCount).toBe(0);
    expect(many.Records?.map(({ ShardId }) => ShardId)).toEqual([
      "shardId-000000000000",
      "shardId-000000000000",
      "shardId-000000000001",
    ]);
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName: "orders",
        ShardId: one.ShardId,
        ShardIteratorType: "AT_SEQUENCE_NUMBER",
        StartingSequenceNumber: one.SequenceNumber,
      }),
    );
    const page = await client.send(new GetRecordsCommand({ ShardIterator }));
    expect(page.Records?.map(({ Data }) => text(Data))).toEqual(["first", "second", ""]);
    expect(page.Records?.[1]?.SequenceNumber).toBe(many.Records?.[0]?.SequenceNumber);
    expect(page.Records?.[0]?.ApproximateArrivalTimestamp).toEqual(new Date(test.backend.nowMs));
    expect(page.MillisBehindLatest).toBe(0);
    const next = await client.send(
      new GetRecordsCommand({ ShardIterator: page.NextShardIterator }),
    );
    expect(next.Records).toEqual([]);
  });

  it("changes retention and tags", async () => {
    const StreamName = "orders";
    await client.send(
      new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 48 }),
    );
    await client.send(
      new DecreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 24 }),
    );
    await client.send(new AddTagsToStreamCommand({ StreamName, Tags: { team: "a", env: "b" } }));
    await client.send(new RemoveTagsFromStreamCommand({ StreamName, TagKeys: ["env", "none"] }));
    const tags = await client.send(new ListTagsForStreamCommand({ StreamName }));
    expect(tags).toMatchObject({ Tags: [{ Key: "team", Value: "a" }], HasMoreTags: false });
  });

  it("deletes a stream and then does not find it", async () => {
    await client.send(new DeleteStreamCommand({ StreamName: "orders" }));
    const described = client.send(new DescribeStreamCommand({ StreamName: "orders" }));
    await expect(described).rejects.toThrow(ResourceNotFoundException);
    await expect(described).rejects.toThrow(`Stream orders under account ${ACCOUNT} not found.`);
  });

  it("rides out a shard without a leader by its own retries", async () => {
    const patient = new KinesisClient({ endpoint: test.url, region: "eu-west-1", credentials });
    test.backend.addStream({ streamName: "patient" });
    let failures = 2;
    test.backend.putFault = () =>
      failures-- > 0 ? new StreamError("unavailable", "no leader") : undefined;
    const Records = [{ PartitionKey: "a", Data: Buffer.from("x") }];
    const stored = await patient.send(new PutRecordsCommand({ StreamName: "patient", Records }));
    expect([stored.FailedRecordCount, stored.$metadata.attempts]).toEqual([0, 3]);
    patient.destroy();
  });

  it("is refused with a wrong secret and with an unknown key", async () => {
    const wrong = new KinesisClient({
      endpoint: test.url,
      region: "eu-west-1",
      credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: "wrong" },
    });
    await expect(wrong.send(new ListStreamsCommand({}))).rejects.toMatchObject({
      name: "InvalidSignatureException",
    });
    wrong.destroy();
    const unknown = new KinesisClient({
      endpoint: test.url,
      region: "eu-west-1",
      credentials: { accessKeyId: "AKIDNOBODY", secretAccessKey: "x" },
    });
    await expect(unknown.send(new ListStreamsCommand({}))).rejects.toMatchObject({
      name: "UnrecognizedClientException",
    });
    unknown.destroy();
  });
});
