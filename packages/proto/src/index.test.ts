import { describe, expect, it } from "vitest";

import { DataService, HOT_PATHS, MetadataService, ReplicationService } from "./index.ts";

describe("the generated definitions", () => {
  it("give 64-bit integers as numbers, exact up to 2^53 - 1", () => {
    const sent = { requestId: Number.MAX_SAFE_INTEGER, groupId: 7, batch: Buffer.from("abc") };
    const { requestSerialize, requestDeserialize } = DataService.Append;
    expect(requestDeserialize(requestSerialize(sent))).toEqual({
      ...sent,
      shardEpoch: 0,
      expectedTerm: 0,
    });
  });

  it("name the member of a oneof that is present and enums by their name", () => {
    const { responseSerialize, responseDeserialize } = MetadataService.Tail;
    const event = responseDeserialize(responseSerialize({ heartbeat: { index: 9 } }));
    expect(event).toEqual({ event: "heartbeat", heartbeat: { index: 9 } });
    const { requestSerialize, requestDeserialize } = MetadataService.Tail;
    expect(requestDeserialize(requestSerialize({ scope: "TAIL_SCOPE_ROUTES" })).scope).toBe(
      "TAIL_SCOPE_ROUTES",
    );
  });

  it("have the paths that the hot codec serves", () => {
    expect(HOT_PATHS).toEqual({
      append: DataService.Append.path,
      fetch: DataService.Fetch.path,
      exchange: ReplicationService.Exchange.path,
    });
  });
});
