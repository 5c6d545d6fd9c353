/** The unmodified AWS SDK, over HTTP/2 (its default for Kinesis) and over HTTP/1.1, and reading a whole stream with it. */
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import type { KinesisClientConfig } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";

import type { LocalCluster } from "@millrace/bench";

export function kinesis(
  cluster: Pick<LocalCluster, "endpoint" | "credentials">,
  http: "http1" | "http2" = "http2",
  more: KinesisClientConfig = {},
): KinesisClient {
  return new KinesisClient({
    endpoint: cluster.endpoint,
    region: "us-east-1",
    credentials: cluster.credentials,
    ...(http === "http1"
      ? { requestHandler: new NodeHttpHandler({ requestTimeout: 15_000 }) }
      : {}),
    ...more,
  });
}

export async function createStream(
  client: KinesisClient,
  name: string,
  shards: number,
): Promise<void> {
  await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }));
  const wait = { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };
  await waitUntilStreamExists(wait, { StreamName: name });
}

export interface ReadRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Buffer;
}

/** Every record of the stream from TRIM_HORIZON until each shard says that nothing is behind, shard by shard in order. */
export async function readStream(
  client: KinesisClient,
  name: string,
): Promise<readonly ReadRecord[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: name }));
  const perShard = await Promise.all(
    Shards.map((shard) => readShard(client, name, shard.ShardId ?? "")),
  );
  return perShard.flat();
}

async function readShard(
  client: KinesisClient,
  name: string,
  shardId: string,
): Promise<readonly ReadRecord[]> {
  const records: ReadRecord[] = [];
  const start = await client.send(
    new GetShardIteratorCommand({
      StreamName: name,
      ShardId: shardId,
      ShardIteratorType: "TRIM_HORIZON",
    }),
  );
  let iterator = start.ShardIterator;
  while (iterator !== undefined) {
    const page = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
    for (const record of page.Records ?? []) {
      records.push({
        shardId,
        sequenceNumber: record.SequenceNumber ?? "",
        partitionKey: record.PartitionKey ?? "",
        data: Buffer.from(record.Data ?? new Uint8Array()),
      });
    }
    if (page.MillisBehindLatest === 0 && page.Records?.length === 0) return records;
    iterator = page.NextShardIterator;
  }
  return records;
}
