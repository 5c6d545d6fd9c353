import { StreamError } from "@millrace/base";
import { METADATA_KEY, parseSequenceNumber } from "@millrace/model";
import { afterEach, describe, expect, it } from "vitest";

import { MillraceClient } from "../client.ts";
import { FakeCluster } from "../testing/fake-cluster.ts";
import { ACCOUNT, shardRecord, STREAM_ID, STREAM_NAME } from "../testing/fixtures.ts";
import type { StreamRecordRead } from "./decode-records.ts";
import { StreamProducer } from "./stream-producer.ts";
import type { ReadPosition } from "./stream-reader.ts";
import { StreamReader } from "./stream-reader.ts";

const HALF = 1n << 127n;
const RING = 1n << 128n;
const halves = [
  shardRecord(0, [1], { endingHashKey: String(HALF - 1n) }),
  shardRecord(1, [1], { startingHashKey: String(HALF), endingHashKey: String(RING - 1n) }),
];
let cluster: FakeCluster;
let client: MillraceClient;

async function connect(shards = halves): Promise<void> {
  cluster = await FakeCluster.start(1, shards);
  client = new MillraceClient(cluster.options());
  await client.ready(5000);
}

afterEach(async () => {
  await client.close();
  await cluster.close();
});

const logs = () => [...cluster.shards.values()].map(({ model }) => model.log);
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof StreamError ? error.code : String(error)),
  );
const bytes = (text: string) => Buffer.from(text);

describe("a stream producer", () => {
  it("routes by the MD5 of the partition key, and gathers what one turn puts", async () => {
    await connect();
    const producer = new StreamProducer(client, { account: ACCOUNT });
    // MD5("a") = 0cc1…, MD5("b") = 92eb…, MD5("c") = 4a8a…
    const stored = await Promise.all(
      ["a", "b", "c"].map((key) => producer.put(STREAM_NAME, key, bytes(key))),
    );
    expect(logs()).toEqual([["a", "c"], ["b"]]);
    expect(cluster.appends).toHaveLength(2);
    expect(stored.map(({ shardId }) => shardId)).toEqual([
      "shardId-000000000000",
      "shardId-000000000001",
      "shardId-000000000000",
    ]);
    expect(stored.map(({ sequenceNumber }) => parseSequenceNumber(sequenceNumber)?.offset)).toEqual(
      [0, 0, 1],
    );
  });

  it("puts again what the write limit refused, and only that", async () => {
    await connect();
    const [first] = cluster.shards.values();
    if (first === undefined) throw new Error("no shard");
    first.free = { records: 1, bytes: 100 };
    const producer = new StreamProducer(client, { account: ACCOUNT });
    const puts = ["1", "2", "3"].map((text) => producer.put(STREAM_NAME, "a", bytes(text)));
    await Promise.all(puts);
    expect(logs()[0]?.toSorted()).toEqual(["1", "2", "3"]);
  });

  it("routes again when a shard was closed meanwhile", async () => {
    await connect([shardRecord(0, [1]), shardRecord(1, [1], { state: "creating" })]);
    const { encodeAppendResponse } = await import("@millrace/rpc");
    cluster.onAppend = ({ stream, request: { requestId, groupId } }) => {
      if (groupId !== 100) return false;
      const failure = new StreamError("stale-epoch", "sealed", { hint: { shardEpoch: 2 } });
      stream.send(encodeAppendResponse({ requestId, failure }));
      cluster.commitShard(shardRecord(0, [1], { epoch: 2, state: "closed" }));
      cluster.commitShard(shardRecord(1, [1], { epoch: 2 }));
      return true;
    };
    const producer = new StreamProducer(client, { account: ACCOUNT });
    const stored = await producer.put(STREAM_NAME, "a", bytes("v"));
    expect([stored.shardId, logs()]).toEqual(["shardId-000000000001", [[], ["v"]]]);
  });

  it("tells each record's own error, and asks for a barrier before it says not-found", async () => {
    await connect();
    const producer = new StreamProducer(client, { account: ACCOUNT, deadlineMs: 200 });
    const answers = await producer.putAll(STREAM_NAME, [
      { partitionKey: "a", data: bytes("v") },
      { partitionKey: "", data: bytes("v") },
      { partitionKey: "a", data: new Uint8Array(1024 * 1024) },
    ]);
    const codes = answers.map((answer) => (answer instanceof StreamError ? answer.code : "stored"));
    expect(codes).toEqual(["stored", "invalid-argument", "invalid-argument"]);
    expect(await codeOf(producer.put("missing", "a", bytes("v")))).toBe("not-found");
    expect(cluster.calls.map(({ method }) => method)).toEqual(["Barrier"]);
  });

  it("refuses more than its bound of waiting bytes", async () => {
    await connect();
    cluster.onAppend = () => true;
    const producer = new StreamProducer(client, {
      account: ACCOUNT,
      deadlineMs: 100,
      pendingBytesMax: 10,
    });
    const waiting = codeOf(producer.put(STREAM_NAME, "a", new Uint8Array(8)));
    expect(await codeOf(producer.put(STREAM_NAME, "a", new Uint8Array(8)))).toBe("overloaded");
    expect(await waiting).toBe("deadline");
  });
});

async function fill(count: number): Promise<readonly string[]> {
  const producer = new StreamProducer(client, { account: ACCOUNT });
  const records = Array.from({ length: count }, (_, index) => ({
    partitionKey: `key-${index}`,
    data: bytes(`v${index}`),
  }));
  const stored = await producer.putAll(STREAM_NAME, records);
  return stored.map((each) => {
    if (each instanceof StreamError) throw each;
    return each.sequenceNumber;
  });
}

function readerOf(position: ReadPosition, follow: boolean, shardId?: string): StreamReader {
  return new StreamReader(client, {
    account: ACCOUNT,
    streamName: STREAM_NAME,
    position,
    follow,
    ...(shardId === undefined ? {} : { shardId }),
  });
}

async function collect(reader: StreamReader, count = Infinity): Promise<StreamRecordRead[]> {
  const records: StreamRecordRead[] = [];
  for await (const record of reader) {
    records.push(record);
    if (records.length >= count) break;
  }
  return records;
}

const textOf = ({ data }: StreamRecordRead) => Buffer.from(data).toString();

describe("a stream reader", () => {
  it("reads every record of all shards up to the end, each shard in order", async () => {
    await connect();
    const sequenceNumbers = await fill(500);
    const records = await collect(readerOf({ kind: "TRIM_HORIZON" }, false));
    expect(records.map(textOf).toSorted()).toEqual(
      Array.from({ length: 500 }, (_, index) => `v${index}`).toSorted(),
    );
    for (const id of ["shardId-000000000000", "shardId-000000000001"]) {
      const offsets = records
        .filter(({ shardId }) => shardId === id)
        .map(({ sequenceNumber }) => parseSequenceNumber(sequenceNumber)?.offset);
      expect(offsets).toEqual(offsets.map((_, index) => index));
    }
    expect(sequenceNumbers).toHaveLength(500);
  });

  it("follows: records put later arrive at a reader from LATEST", async () => {
    await connect();
    await fill(3);
    const reading = collect(readerOf({ kind: "LATEST" }, true), 2);
    const producer = new StreamProducer(client, { account: ACCOUNT });
    const state = { done: false };
    const keepPutting = async () => {
      for (let index = 0; !state.done; index++) {
        await producer.put(STREAM_NAME, "a", bytes(`new${index}`));
      }
    };
    const putting = keepPutting();
    const records = await reading;
    state.done = true;
    await putting;
    expect(records.map(textOf).every((text) => text.startsWith("new"))).toBe(true);
  });

  it("goes on at, or after, a sequence number of its shard", async () => {
    await connect([shardRecord(0, [1])]);
    const numbers = await fill(5);
    const sequenceNumber = numbers[2] ?? "";
    const at = await collect(readerOf({ kind: "AT_SEQUENCE_NUMBER", sequenceNumber }, false));
    const after = await collect(readerOf({ kind: "AFTER_SEQUENCE_NUMBER", sequenceNumber }, false));
    expect([at.map(textOf), after.map(textOf)]).toEqual([
      ["v2", "v3", "v4"],
      ["v3", "v4"],
    ]);
    const wrong = readerOf({ kind: "AT_SEQUENCE_NUMBER", sequenceNumber: "17" }, false);
    expect(await codeOf(collect(wrong))).toBe("invalid-argument");
  });

  it("reads a child only after its parent's end, and ends a closed shard", async () => {
    const child = shardRecord(1, [1], { parentShardIndex: 0 });
    await connect([shardRecord(0, [1], { state: "closed" }), child]);
    const [parentShard, childShard] = [...cluster.shards.values()];
    parentShard?.model.log.push("p0", "p1", "p2");
    childShard?.model.log.push("c0", "c1");
    if (parentShard !== undefined) parentShard.sealed = true;
    const records = await collect(readerOf({ kind: "TRIM_HORIZON" }, true), 5);
    expect(records.map(textOf)).toEqual(["p0", "p1", "p2", "c0", "c1"]);
    const parentAlone = readerOf({ kind: "TRIM_HORIZON" }, true, "shardId-000000000000");
    expect((await collect(parentAlone)).map(textOf)).toEqual(["p0", "p1", "p2"]);
  });

  it("waits for the children of a shard that is sealed and not closed yet, and ends with close()", async () => {
    const opening = shardRecord(1, [1], { parentShardIndex: 0, state: "opening" });
    await connect([shardRecord(0, [1]), opening]);
    const [parentShard, childShard] = [...cluster.shards.values()];
    parentShard?.model.log.push("p0");
    childShard?.model.log.push("c0");
    if (parentShard !== undefined) parentShard.sealed = true;
    const read = async (from: StreamReader, into: string[]) => {
      for await (const record of from) into.push(textOf(record));
    };
    const [reader, abandoned] = [0, 1].map(() => readerOf({ kind: "TRIM_HORIZON" }, true));
    if (reader === undefined || abandoned === undefined) throw new Error("no readers");
    const [seen, left]: [string[], string[]] = [[], []];
    const reading = read(reader, seen);
    const ending = read(abandoned, left);
    await expect.poll(() => [seen, left]).toEqual([["p0"], ["p0"]]);
    await abandoned.close();
    await ending;
    cluster.commitShard({ ...opening, state: "open", epoch: 2 });
    cluster.commitShard(shardRecord(0, [1], { epoch: 2, state: "closed" }));
    await expect.poll(() => seen).toEqual(["p0", "c0"]);
    await reader.close();
    await reading;
  });

  it("reads on with the children of shards that expired before they were read", async () => {
    const shards = [
      shardRecord(0, [1], { state: "closed" }),
      shardRecord(1, [1], { state: "closed", parentShardIndex: 0 }),
      shardRecord(2, [1], { parentShardIndex: 1 }),
    ];
    await connect(shards);
    cluster.shard(102).model.log.push("kept");
    cluster.onFetch = ({ requestId, groupId }) => {
      const failure = new StreamError("unavailable", `no shard has group ${groupId}`);
      return groupId === 100 ? { requestId, failure } : undefined;
    };
    const reading = collect(readerOf({ kind: "TRIM_HORIZON" }, true), 1);
    const expired = [0, 1].map((index) => METADATA_KEY.shard(STREAM_ID, index));
    cluster.commit(expired.map((key) => ({ key, json: undefined })));
    expect((await reading).map(textOf)).toEqual(["kept"]);
  });

  it("ends with not-found when its stream is deleted", async () => {
    await connect([shardRecord(0, [1])]);
    let fetches = 0;
    cluster.onFetch = ({ requestId, groupId }) => {
      fetches++;
      return { requestId, failure: new StreamError("unavailable", `no group ${groupId}`) };
    };
    const reading = collect(readerOf({ kind: "LATEST" }, true)).catch(String);
    await expect.poll(() => fetches).toBeGreaterThan(0);
    cluster.commit([
      { key: METADATA_KEY.shard(STREAM_ID, 0), json: undefined },
      { key: METADATA_KEY.stream(ACCOUNT, STREAM_NAME), json: undefined },
    ]);
    expect(await reading).toBe("StreamError: stream orders was deleted");
  });

  it("ends when closed while it waits, and says not-found for a missing stream", async () => {
    await connect();
    let fetches = 0;
    cluster.onFetch = () => {
      fetches++;
      return undefined;
    };
    const reader = readerOf({ kind: "LATEST" }, true);
    const reading = collect(reader);
    await expect.poll(() => fetches).toBeGreaterThan(1);
    await reader.close();
    expect(await reading).toEqual([]);
    const missing = new StreamReader(client, {
      account: ACCOUNT,
      streamName: "missing",
      position: { kind: "LATEST" },
    });
    expect(await codeOf(collect(missing))).toBe("not-found");
  });

  it("fetches no further than one page ahead of its consumer", async () => {
    await connect([shardRecord(0, [1])]);
    cluster.shard(100).model.log.push(...Array.from({ length: 50 }, (_, index) => `v${index}`));
    let fetches = 0;
    cluster.onFetch = ({ requestId, offset }) => {
      fetches++;
      const record = Buffer.alloc(4 + 16 + 2 + 1 + 1);
      record.writeUInt32LE(record.length - 4, 0);
      record.writeUInt16LE(1, 20);
      return {
        requestId,
        slices: [{ baseOffset: offset, count: 1, arrivalMs: 1, records: [record] }],
        nextOffset: offset + 1,
        endOffset: 50,
        trimOffset: 0,
        term: 1,
        nowMs: 1,
        sealed: false,
      };
    };
    let taken = 0;
    for await (const record of readerOf({ kind: "TRIM_HORIZON" }, false)) {
      expect(record.partitionKey).toHaveLength(1);
      taken++;
      await new Promise((resolve) => setImmediate(resolve));
      expect(fetches - taken).toBeLessThanOrEqual(2);
    }
    expect([taken, fetches]).toEqual([50, 50]);
  });
});
