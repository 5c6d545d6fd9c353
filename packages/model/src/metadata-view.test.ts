import { describe, expect, it } from "vitest";

import {
  encodeMetadataRecord,
  evenHashKeyRanges,
  hashKey,
  METADATA_KEY,
  MetadataView,
} from "./index.ts";
import type { ShardRecord } from "./index.ts";

function shards(state: ShardRecord["state"]) {
  return evenHashKeyRanges(4).map(({ startingHashKey, endingHashKey }, shardIndex) => {
    const record: ShardRecord = {
      streamId: "s",
      account: "000000000000",
      streamName: "orders",
      shardIndex,
      groupId: 10 + shardIndex,
      epoch: 1,
      state,
      startingHashKey: String(startingHashKey),
      endingHashKey: String(endingHashKey),
      createdAtSec: 1_700_000_000,
      replicas: [],
    };
    return { key: METADATA_KEY.shard("s", shardIndex), json: encodeMetadataRecord(record) };
  });
}

describe("a process's view of metadata", () => {
  it("routes every hash key to exactly one open shard (S10), and none to shards that are not open", () => {
    const view = new MetadataView();
    view.reset(5, shards("open"));
    const owners = evenHashKeyRanges(4).flatMap((range) =>
      [range.startingHashKey, range.endingHashKey].map((key) => view.route("s", key)?.shardIndex),
    );
    expect(owners).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    view.apply(6, shards("creating"));
    expect(view.route("s", hashKey(0n))).toBeUndefined();
  });

  it("never goes back: what it already has is ignored", () => {
    const view = new MetadataView();
    view.reset(5, shards("open"));
    view.apply(5, [{ key: METADATA_KEY.shard("s", 0), json: undefined }]);
    view.reset(4, []);
    expect([view.index, view.shards("s").length]).toEqual([5, 4]);
  });

  it("forgets what a newer snapshot no longer has, and tells which keys changed", () => {
    const view = new MetadataView();
    view.reset(5, shards("open"));
    const changed: string[] = [];
    view.onChange((keys) => changed.push(...keys));
    view.reset(9, shards("open").slice(0, 1));
    expect(view.shards("s").map((shard) => shard.shardIndex)).toEqual([0]);
    expect(view.shardOfGroup(11)).toBeUndefined();
    expect(changed.toSorted()).toEqual([0, 1, 2, 3].map((index) => METADATA_KEY.shard("s", index)));
  });

  it("refuses records of a later format", () => {
    const view = new MetadataView();
    expect(() => view.reset(1, [{ key: "cluster", json: '{"v":2}' }])).toThrow("format version 2");
    expect(() => view.reset(1, [{ key: "comet/1", json: '{"v":1}' }])).toThrow("kind comet");
  });
});
