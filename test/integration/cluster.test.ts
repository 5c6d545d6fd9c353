/** Whole nodes on real disks: what one package alone cannot show. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { sleep } from "@millrace/base";
import { nodePorts, StreamProducer, StreamReader } from "@millrace/client";
import type { MillraceClient } from "@millrace/client";
import { inspectWal, NodeFileSystem } from "@millrace/storage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../e2e/support/waiting.ts";
import { NodeGroup } from "./support/node-group.ts";

const ACCOUNT = "000000000000";
const { clock } = nodePorts();
let group: NodeGroup;
beforeAll(async () => {
  group = await NodeGroup.start(3, 15_000 + (process.pid % 4000));
});
afterAll(() => group.remove());

async function createStream(
  client: MillraceClient,
  streamName: string,
  shardCount: number,
): Promise<void> {
  await client.ready();
  await client.admin.createStream({ account: ACCOUNT, streamName, shardCount });
  while (client.view.stream(ACCOUNT, streamName)?.status !== "ACTIVE") await sleep(clock, 20);
}

async function readAll(client: MillraceClient, streamName: string): Promise<Map<string, string[]>> {
  const position = { kind: "TRIM_HORIZON" } as const;
  const reader = new StreamReader(client, {
    account: ACCOUNT,
    streamName,
    position,
    follow: false,
  });
  const found = new Map<string, string[]>();
  for await (const { partitionKey, data } of reader) {
    const list = found.get(partitionKey) ?? [];
    list.push(Buffer.from(data).toString());
    found.set(partitionKey, list);
  }
  return found;
}

/** Payload checksums of committed entries by group, term and index, as they stand in a node's log files. */
async function entriesOnDisk(nodeId: number): Promise<Map<string, string>> {
  const directory = join(group.dataDir(nodeId), "lane", "wal");
  const fileSystem = new NodeFileSystem();
  const entries = new Map<string, string>();
  for (const name of readdirSync(directory).filter((one) => one.endsWith(".wal"))) {
    for await (const batch of inspectWal(fileSystem, join(directory, name))) {
      for (const frame of batch.frames) {
        if (frame.type !== "entries" && frame.type !== "moved-entries") continue;
        for (const entry of frame.entries) {
          const key = `${frame.groupId}/${entry.index}/${entry.term}`;
          entries.set(key, Buffer.from(entry.data).toString("base64"));
        }
      }
    }
  }
  return entries;
}

describe("three nodes", () => {
  it("keep records of any size through log files that fill, a node that is away, and restarts of all", async () => {
    const client = group.client();
    await createStream(client, "sizes", 2);
    const producer = new StreamProducer(client, { account: ACCOUNT });
    const sent = new Map<string, string[]>();
    const put = async (round: number) => {
      const records = ["a", "b", "c", "d"].map((key, index) => ({
        key,
        data: `${round}:${key}:${"x".repeat([0, 100, 20_000, 300_000][index] ?? 0)}`,
      }));
      await Promise.all(
        records.map(({ key, data }) => producer.put("sizes", key, Buffer.from(data))),
      );
      for (const { key, data } of records) sent.set(key, [...(sent.get(key) ?? []), data]);
    };
    for (let round = 0; round < 10; round++) await put(round);
    await group.stopNode(3);
    for (let round = 10; round < 20; round++) await put(round);
    await group.startNode(3);
    for (let round = 20; round < 25; round++) await put(round);
    expect(await readAll(client, "sizes")).toEqual(sent);
    for (const nodeId of [1, 2, 3]) await group.stopNode(nodeId);
    for (const nodeId of [1, 2, 3]) await group.startNode(nodeId);
    await Promise.all([1, 2, 3].map((nodeId) => group.node(nodeId).ready()));
    expect(await readAll(client, "sizes")).toEqual(sent);
    await client.close();
  });

  it("hold the same bytes at the same place of the log on every replica (S2)", async () => {
    const client = group.client();
    await createStream(client, "equal", 3);
    const producer = new StreamProducer(client, { account: ACCOUNT });
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
      await Promise.all(keys.map((key) => producer.put("equal", key, Buffer.from(`${round}`))));
    }
    const groupIds = client.view
      .shards(client.view.stream(ACCOUNT, "equal")?.streamId ?? "")
      .map((shard) => shard.groupId);
    await client.close();
    const ours = (key: string) => groupIds.includes(Number(key.split("/", 1)[0]));
    const logs = await Promise.all([1, 2, 3].map(entriesOnDisk));
    const [first = new Map<string, string>(), ...others] = logs;
    const common = [...first.keys()].filter(
      (key) => ours(key) && others.every((log) => log.has(key)),
    );
    expect(common.length).toBeGreaterThan(20);
    for (const key of common)
      expect(others.map((log) => log.get(key))).toEqual([first.get(key), first.get(key)]);
  });

  it("move what full log files held into segments, and take the files into use again (L4)", async () => {
    const client = group.client();
    await createStream(client, "volume", 1);
    const producer = new StreamProducer(client, { account: ACCOUNT });
    for (let round = 0; round < 24; round++)
      await producer.put("volume", "k", Buffer.alloc(512 * 1024, round));
    for (const nodeId of [1, 2, 3]) {
      const lane = join(group.dataDir(nodeId), "lane");
      // Those in use, one made ready, and none of the dozen that the records have filled.
      await until(`node ${nodeId} has freed its log files`, 10_000, () => {
        const names = readdirSync(join(lane, "wal")).filter((name) => name.endsWith(".wal"));
        return names.length <= 5;
      });
      expect(readdirSync(join(lane, "segments")).length).toBeGreaterThan(0);
    }
    const read = await readAll(client, "volume");
    expect(read.get("k")?.length).toBe(24);
    await client.close();
  });
});
