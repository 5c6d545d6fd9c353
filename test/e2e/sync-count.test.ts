/** What a put costs in synced writes, read off /metrics of real brokers (architecture: the fsync is shared). */
import { MillraceClient, nodePorts } from "@millrace/client";
import { RecordsBuilder } from "@millrace/model";
import type { Shard } from "@millrace/model";
import { afterEach, describe, expect, it } from "vitest";

import { LocalCluster } from "@millrace/bench";

const SHARDS = 200;
let cluster: LocalCluster | undefined;
afterEach(() => cluster?.remove());

async function syncedWrites(): Promise<readonly number[]> {
  const { nodes } = (await cluster?.status()) ?? { nodes: [] };
  const brokers = nodes.filter((node) => node.roles.includes("broker"));
  return Promise.all(
    brokers.map(async (node) => {
      const text = await (await fetch(`http://127.0.0.1:${node.ports["admin"]}/metrics`)).text();
      const line = /^millrace_wal_synced_writes_total(?:\{[^}]*\})? (\d+)/m.exec(text);
      if (line === null) throw new Error("millrace_wal_synced_writes_total is not exposed");
      return Number(line[1]);
    }),
  );
}

function oneRecord(shard: Shard) {
  const builder = new RecordsBuilder((bytes) => Buffer.allocUnsafeSlow(bytes), 64);
  const key = Buffer.alloc(16);
  key.writeBigUInt64BE(shard.range.startingHashKey >> 64n);
  key.writeBigUInt64BE(shard.range.startingHashKey & 0xffff_ffff_ffff_ffffn, 8);
  builder.add(key, Buffer.from("k"), 0);
  return { batch: builder.batch(), count: 1 };
}

describe.each([0, 20])("synced writes with %i ms added to each sync", (delayMs) => {
  it("share one sync among shards, and cost exactly one for a put alone", async () => {
    cluster = await LocalCluster.start({
      nodes: 3,
      set: { "test-sync-delay-ms": String(delayMs) },
    });
    await cluster.command("stream", "create", "many", "--shards", String(SHARDS));
    const client = new MillraceClient({
      ...nodePorts(),
      endpoints: cluster.endpoints,
      credentials: {
        accessKeyId: cluster.credentials.accessKeyId,
        secret: cluster.credentials.secretAccessKey,
        region: "us-east-1",
      },
      scope: "routes",
    });
    try {
      await client.ready(10_000);
      const stream = client.view.stream("000000000000", "many");
      const shards = client.view.shards(stream?.streamId ?? "");
      expect(shards).toHaveLength(SHARDS);
      const putAll = () =>
        Promise.all(shards.map((shard) => client.producer.put(shard, oneRecord(shard), 20_000)));
      await putAll(); // finds the leaders and opens the streams
      const before = await syncedWrites();
      await putAll();
      const together = (await syncedWrites()).map((count, node) => count - (before[node] ?? 0));
      const [first] = shards;
      if (first === undefined) throw new Error("the stream has shards");
      const beforeOne = await syncedWrites();
      await client.producer.put(first, oneRecord(first), 20_000);
      await new Promise((resolve) => setTimeout(resolve, 100 + 2 * delayMs)); // the slower follower's own sync
      const alone = (await syncedWrites()).map((count, node) => count - (beforeOne[node] ?? 0));
      console.log(
        `${delayMs} ms: 200 puts in one turn cost ${together.join(", ")} synced writes, one put ${alone.join(", ")}`,
      );
      for (const count of together) expect(count).toBeLessThanOrEqual(10);
      expect(alone).toEqual([1, 1, 1]);
    } finally {
      await client.close();
    }
  });
});
