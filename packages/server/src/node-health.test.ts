import { METADATA_GROUP_ID } from "@millrace/base";
import { describe, expect, it } from "vitest";

import { healthOf, nodeState } from "./node-health.ts";

const identity = { incarnation: "00", bootEpoch: 2, clusterId: "c" };

/** A node of a cluster that has not heard of its metadata since it started. */
const waiting = (reason?: string) => ({
  runtime: {
    lane: {
      group: () => undefined,
      damaged: () =>
        reason === undefined ? [] : [{ groupId: METADATA_GROUP_ID, replicaId: 5, reason }],
    },
    storage: { failed: undefined, identity },
  },
  client: { view: { ready: false } },
  session: { alive: false },
});

describe("a node without metadata", () => {
  it("says what it waits for, and that its own copy cannot help", () => {
    expect([healthOf(waiting()), nodeState(waiting(), false)]).toEqual([
      { ready: false, waitingFor: ["metadata of the cluster"] },
      "starting",
    ]);
    expect(healthOf(waiting("a sector is bad")).waitingFor).toEqual([
      "metadata of the cluster from another node: the copy here is damaged (a sector is bad)",
    ]);
  });
});
