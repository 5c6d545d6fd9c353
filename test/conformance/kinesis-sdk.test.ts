/**
 * The unmodified AWS SDK against a real cluster with AWS's own limits. What the gateway alone decides
 * is proven beside its code; this asks for what only gateway, brokers and coordinator together can
 * give. `MILLRACE_ENDPOINT` (http://host:port), with the usual AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY, asks a cluster that runs already; without it one is started.
 */
import { randomUUID } from "node:crypto";

import type { GetRecordsCommandOutput } from "@aws-sdk/client-kinesis";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  waitUntilStreamExists,
  waitUntilStreamNotExists,
} from "@aws-sdk/client-kinesis";
import { LocalCluster } from "@millrace/bench";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const given = process.env["MILLRACE_ENDPOINT"];
let cluster: LocalCluster | undefined;
beforeAll(async () => {
  if (given === undefined) cluster = await LocalCluster.start({ nodes: 3, limits: "aws" });
});
afterAll(() => cluster?.remove());

const WAIT = { maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
/** Reads of one shard: below the five calls a second that it allows. */
const READ_EVERY_MS = 250;

describe.each(["HTTP/2", "HTTP/1.1"])("over %s", (protocol) => {
  const StreamName = `conformance-${randomUUID()}`;
  let client: KinesisClient;

  beforeAll(async () => {
    client = new KinesisClient({
      endpoint: given ?? cluster?.endpoint ?? "",
      ...(cluster === undefined ? {} : { credentials: cluster.credentials }),
      region: process.env["AWS_REGION"] ?? "us-east-1",
      ...(protocol === "HTTP/1.1" ? { requestHandler: new NodeHttpHandler() } : {}),
    });
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 3 }));
    await waitUntilStreamExists({ client, ...WAIT }, { StreamName });
  });
  afterAll(async () => {
    await client.send(new DeleteStreamCommand({ StreamName })).catch(() => undefined); // the last test may have done it
    client.destroy();
  });

  /** The pages of a shard until one is at its tip. */
  async function readToTip(ShardId: string, more: object): Promise<GetRecordsCommandOutput[]> {
    const start = new GetShardIteratorCommand({
      StreamName,
      ShardId,
      ShardIteratorType: "TRIM_HORIZON",
      ...more,
    });
    let { ShardIterator } = await client.send(start);
    const pages: GetRecordsCommandOutput[] = [];
    do {
      const page = await client.send(new GetRecordsCommand({ ShardIterator }));
      pages.push(page);
      ShardIterator = page.NextShardIterator;
      await new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS));
    } while (pages.at(-1)?.MillisBehindLatest !== 0);
    return pages;
  }

  it("is ACTIVE with equal shards that cover the ring", async () => {
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
    expect(StreamDescription?.Shards?.map(({ HashKeyRange }) => HashKeyRange)).toEqual([
      { StartingHashKey: "0", EndingHashKey: "113427455640312821154458202477256070484" },
      {
        StartingHashKey: "113427455640312821154458202477256070485",
        EndingHashKey: "226854911280625642308916404954512140969",
      },
      {
        StartingHashKey: "226854911280625642308916404954512140970",
        EndingHashKey: "340282366920938463463374607431768211455",
      },
    ]);
  });

  it("gives every record back once, in its shard's order, under the number that the put told", async () => {
    const texts = Array.from({ length: 300 }, (_, index) => `record ${index}`);
    const Records = texts.map((text, index) => ({
      PartitionKey: `key-${index % 17}`,
      Data: Buffer.from(text),
    }));
    const put = await client.send(new PutRecordsCommand({ StreamName, Records }));
    expect(put.FailedRecordCount).toBe(0);
    const expected = new Map<string, [string, string][]>();
    for (const [index, { ShardId = "", SequenceNumber = "" }] of (put.Records ?? []).entries()) {
      const shard = expected.get(ShardId) ?? [];
      shard.push([SequenceNumber, texts[index] ?? ""]);
      expected.set(ShardId, shard);
    }
    const { Shards } = await client.send(new ListShardsCommand({ StreamName }));
    for (const { ShardId = "" } of Shards ?? []) {
      const pages = await readToTip(ShardId, {});
      const read = pages.flatMap(({ Records: records }) =>
        (records ?? []).map((record) => [
          record.SequenceNumber,
          Buffer.from(record.Data ?? []).toString(),
        ]),
      );
      expect(read).toEqual(expected.get(ShardId) ?? []);
    }
  });

  it("finds what was put after LATEST was asked for", async () => {
    const ShardId = "shardId-000000000000";
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "LATEST" }),
    );
    const put = await client.send(
      new PutRecordCommand({
        StreamName,
        PartitionKey: "a",
        ExplicitHashKey: "0",
        Data: Buffer.from("late"),
      }),
    );
    const page = await client.send(new GetRecordsCommand({ ShardIterator }));
    expect(page.Records?.map(({ SequenceNumber }) => SequenceNumber)).toEqual([put.SequenceNumber]);
  });

  it("refuses its name to another stream, and is gone when it is deleted", async () => {
    const again = client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    await expect(again).rejects.toThrow(ResourceInUseException);
    await client.send(new DeleteStreamCommand({ StreamName }));
    await waitUntilStreamNotExists({ client, ...WAIT }, { StreamName });
    const described = client.send(new DescribeStreamCommand({ StreamName }));
    await expect(described).rejects.toThrow(ResourceNotFoundException);
    const { StreamNames } = await client.send(new ListStreamsCommand({}));
    expect(StreamNames).not.toContain(StreamName);
  });
});
