import type { StreamRecord } from "@millrace/model";
import { beforeEach, describe, expect, it } from "vitest";

import { ACCOUNT, FakeBackend } from "../testing/fake-backend.ts";
import { TestService } from "../testing/test-service.ts";

const HOUR = 3_600_000;
const CREATED = Date.UTC(2026, 10, 1);
/** Shard 0 split into 1 and 2 after 30 hours; 1 and 2 merged into 3 after 60 hours. Now: 72 hours. */
const SPLIT = CREATED + 30 * HOUR;
const MERGED = CREATED + 60 * HOUR;
const NOW = CREATED + 72 * HOUR;

let backend: FakeBackend;
let service: TestService;
let stream: StreamRecord;

beforeEach(() => {
  backend = new FakeBackend(CREATED);
  stream = { ...backend.addStream({ streamName: "orders" }), retentionHours: 48 };
  backend.putStream(stream);
  const closed = (closedAtMs: number) => ({ state: "closed" as const, closedAtMs });
  const created = (ms: number) => ({ createdAtSec: Math.floor(ms / 1000) + 1 });
  backend.putShard(stream, { shardIndex: 0, ...closed(SPLIT) });
  for (const shardIndex of [1, 2]) {
    backend.putShard(stream, {
      shardIndex,
      parentShardIndex: 0,
      ...created(SPLIT),
      ...closed(MERGED),
    });
  }
  backend.putShard(stream, {
    shardIndex: 3,
    parentShardIndex: 1,
    adjacentParentShardIndex: 2,
    ...created(MERGED),
  });
  backend.putShard(stream, { shardIndex: 4, state: "creating" });
  service = new TestService(backend);
  service.nowMs = NOW;
});

const list = (input: object) => service.call("ListShards", input);
const indexes = async (input: object) =>
  (await list({ StreamName: "orders", ...input })).body.Shards?.map(({ ShardId }) =>
    Number(ShardId.slice(8)),
  );
const filtered = (Type: string, more: object = {}) => indexes({ ShardFilter: { Type, ...more } });
const told = async (input: object) => {
  const { body } = await list(input);
  return `${body.__type}: ${body.message}`;
};
const at = (ms: number) => ({ Timestamp: ms / 1000 });

describe("ListShards", () => {
  it("shows parents, ranges and numbers, and no shard that is not open yet", async () => {
    const { body } = await list({
      StreamName: "orders",
      ExclusiveStartShardId: "shardId-000000000002",
    });
    expect(body).toEqual({
      Shards: [
        {
          ShardId: "shardId-000000000003",
          ParentShardId: "shardId-000000000001",
          AdjacentParentShardId: "shardId-000000000002",
          HashKeyRange: { StartingHashKey: "0", EndingHashKey: "0" },
          SequenceNumberRange: { StartingSequenceNumber: expect.any(String) },
        },
      ],
    });
    const first = await list({ StreamName: "orders", MaxResults: 1 });
    expect(first.body.Shards).toMatchObject([
      { SequenceNumberRange: { EndingSequenceNumber: expect.any(String) } },
    ]);
  });

  it("filters by the moment that each type means", async () => {
    expect({
      all: await indexes({}),
      fromHorizon: await filtered("FROM_TRIM_HORIZON"),
      atHorizon: await filtered("AT_TRIM_HORIZON"),
      atLatest: await filtered("AT_LATEST"),
      after: await filtered("AFTER_SHARD_ID", { ShardId: "shardId-000000000001" }),
      between: await filtered("AT_TIMESTAMP", at(SPLIT + HOUR)),
      atTheSplit: await filtered("AT_TIMESTAMP", at(SPLIT)),
      inTheSecondAfterIt: await filtered("AT_TIMESTAMP", at(SPLIT + 500)),
      beforeCreation: await filtered("AT_TIMESTAMP", at(CREATED - HOUR)),
      fromBetween: await filtered("FROM_TIMESTAMP", at(SPLIT + HOUR)),
      fromBeforeHorizon: await filtered("FROM_TIMESTAMP", at(0)),
    }).toEqual({
      all: [0, 1, 2, 3],
      fromHorizon: [0, 1, 2, 3],
      atHorizon: [0],
      atLatest: [3],
      after: [2, 3],
      between: [1, 2],
      atTheSplit: [0, 1, 2],
      inTheSecondAfterIt: [1, 2],
      beforeCreation: [0],
      fromBetween: [1, 2, 3],
      fromBeforeHorizon: [0, 1, 2, 3],
    });
  });

  it("leaves out a shard of which all records have expired", async () => {
    service.nowMs = SPLIT + 49 * HOUR;
    expect([await indexes({}), await filtered("AT_TRIM_HORIZON")]).toEqual([
      [1, 2, 3],
      [1, 2],
    ]);
  });

  it("pages with a token that carries the filter, alone or beside MaxResults", async () => {
    const ShardFilter = { Type: "FROM_TIMESTAMP", ...at(SPLIT + HOUR) };
    const first = await list({ StreamName: "orders", MaxResults: 1, ShardFilter });
    const second = await list({ NextToken: first.body.NextToken, MaxResults: 1 });
    const third = await list({ NextToken: second.body.NextToken });
    expect(
      [first, second, third].map(({ body }) => [body.Shards?.[0]?.ShardId, typeof body.NextToken]),
    ).toEqual([
      ["shardId-000000000001", "string"],
      ["shardId-000000000002", "string"],
      ["shardId-000000000003", "undefined"],
    ]);
  });

  it("refuses tokens that expired, are none, or stand beside what they carry", async () => {
    const { body } = await list({ StreamName: "orders", MaxResults: 1 });
    const token = { NextToken: body.NextToken };
    expect(await told({ ...token, StreamName: "orders" })).toBe(
      "InvalidArgumentException: NextToken and StreamName cannot be provided together.",
    );
    expect(await told({ ...token, ExclusiveStartShardId: "shardId-0" })).toMatch(
      /^InvalidArgumentException/,
    );
    expect(await told({ NextToken: "x" })).toBe("InvalidArgumentException: Invalid NextToken.");
    service.nowMs += 300_001;
    expect(await told(token)).toMatch(/^ExpiredNextTokenException/);
    expect(await told({})).toBe(
      "InvalidArgumentException: Either NextToken or StreamName should be provided.",
    );
  });

  it("does not page on into a stream of the same name that came after", async () => {
    const { body } = await list({ StreamName: "orders", MaxResults: 1 });
    backend.addStream({ streamName: "orders" });
    expect(await told({ NextToken: body.NextToken })).toBe(
      `ResourceNotFoundException: Stream orders under account ${ACCOUNT} not found.`,
    );
  });

  it.each([
    ["AT_TIMESTAMP", {}],
    ["FROM_TIMESTAMP", {}],
    ["AFTER_SHARD_ID", {}],
    ["AT_LATEST", { ShardId: "shardId-0" }],
    ["AT_TRIM_HORIZON", { Timestamp: 1 }],
  ])("refuses a filter %s with %j", async (Type, more) => {
    expect(await told({ StreamName: "orders", ShardFilter: { Type, ...more } })).toMatch(
      new RegExp(`^InvalidArgumentException: ShardFilter of type ${Type} must`),
    );
  });

  it("picks the incarnation by its creation time", async () => {
    expect(await indexes({ StreamCreationTimestamp: CREATED / 1000 })).toEqual([0, 1, 2, 3]);
    expect(
      await told({ StreamName: "orders", StreamCreationTimestamp: CREATED / 1000 - 60 }),
    ).toMatch(/^ResourceNotFoundException/);
  });

  it("waits for a stream to be ACTIVE", async () => {
    backend.putStream({ ...stream, status: "CREATING" });
    expect(await told({ StreamName: "orders" })).toMatch(/^ResourceInUseException/);
  });
});
