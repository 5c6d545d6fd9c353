import { StreamError } from "@millrace/base";
import type { ShardRecord, StreamRecord } from "@millrace/model";
import { encodeMetadataRecord, METADATA_KEY, MetadataView } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { shardLine } from "./list.ts";
import { progressOf, withNextStep } from "./reshard.ts";

const ACCOUNT = "000000000000";
const stream: StreamRecord = {
  account: ACCOUNT,
  streamName: "orders",
  streamId: "id",
  status: "UPDATING",
  streamMode: "PROVISIONED",
  retentionHours: 24,
  maxRecordSizeKib: 1024,
  createdAtMs: 0,
  tags: {},
};

function shard(shardIndex: number, fields: Partial<ShardRecord>): ShardRecord {
  return {
    streamId: "id",
    account: ACCOUNT,
    streamName: "orders",
    shardIndex,
    groupId: 2 + shardIndex,
    epoch: 1,
    state: "open",
    startingHashKey: "0",
    endingHashKey: "9",
    createdAtSec: 0,
    replicas: [{ replicaId: 1, nodeId: 3, incarnation: "i", state: "created" }],
    ...fields,
  };
}

function viewOf(status: StreamRecord["status"], ...shards: readonly ShardRecord[]): MetadataView {
  const view = new MetadataView();
  view.reset(1, [
    {
      key: METADATA_KEY.stream(ACCOUNT, "orders"),
      json: encodeMetadataRecord({ ...stream, status }),
    },
    ...shards.map((record) => ({
      key: METADATA_KEY.shard("id", record.shardIndex),
      json: encodeMetadataRecord(record),
    })),
  ]);
  return view;
}

const family = { parents: [0], children: [1, 2] };
const seal = { epoch: 2, childShardIndexes: [1, 2] };
const children = (state: ShardRecord["state"]) => [
  shard(1, { state, parentShardIndex: 0 }),
  shard(2, { state, parentShardIndex: 0 }),
];

describe("the progress of a split", () => {
  const told = (view: MetadataView) => progressOf(view, ACCOUNT, "orders", family);

  it("is told step by step until the children take records", () => {
    expect([
      told(viewOf("UPDATING", shard(0, {}), ...children("opening"))),
      told(viewOf("UPDATING", shard(0, { seal }), ...children("opening"))),
      told(viewOf("ACTIVE", shard(0, { seal, state: "closed" }), ...children("open"))),
      // A child that was split again has been open.
      told(viewOf("ACTIVE", ...children("closed"))),
    ]).toEqual([
      "making shardId-000000000001 and shardId-000000000002",
      "sealing shardId-000000000000",
      "done: shardId-000000000001 and shardId-000000000002 of orders take records",
      "done: shardId-000000000001 and shardId-000000000002 of orders take records",
    ]);
  });

  it("ends with an error when it was taken back, or the stream deleted", () => {
    expect(() => told(viewOf("ACTIVE", shard(0, {})))).toThrow("was taken back");
    expect(() => told(viewOf("DELETING", shard(0, {})))).toThrow("was deleted meanwhile");
  });
});

describe("an order that is refused", () => {
  it("is told with the way to see how the stream is, where that helps", async () => {
    const told = async (code: "not-found" | "unavailable") =>
      withNextStep(() => "look", Promise.reject(new StreamError(code, "No such shard."))).catch(
        String,
      );
    expect([await told("not-found"), await told("unavailable")]).toEqual([
      "StreamError: No such shard; look",
      "StreamError: No such shard.",
    ]);
    expect(await withNextStep(() => "look", Promise.resolve(1))).toBe(1);
  });
});

describe("a line of shard list", () => {
  it("names state, hash keys, parents, leader and nodes", () => {
    const [child] = children("opening");
    if (child === undefined) throw new Error("no child");
    const view = viewOf("UPDATING", shard(0, { seal }), child);
    const lines = view
      .shards("id")
      .map((each) => shardLine(each, each.shardIndex === 0 ? 3 : null));
    expect(lines.map(({ state, parents, leader }) => [state, parents, leader])).toEqual([
      ["sealing", [], 3],
      ["opening", ["shardId-000000000000"], null],
    ]);
    expect(lines[0]).toMatchObject({ startingHashKey: "0", endingHashKey: "9", nodes: [3] });
  });
});
