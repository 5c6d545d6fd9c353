import { METADATA_KEY, MetadataView } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { ACCOUNT } from "../node/addresses.ts";
import type { World } from "../world.ts";
import { haveConverged, unsettled, walFilesAreFreed, wipedNodesAreBack } from "./liveness.ts";

interface Picture {
  readonly status: string;
  readonly replicaState: string;
  readonly move: object | undefined;
  /** Applied indexes of nodes 1 to 3. */
  readonly applied: readonly number[];
  readonly walFiles: number;
  /** Incarnation of node 1 in metadata; its disk's is "new", and "old" was wiped. */
  readonly registered: string;
}

const WELL: Picture = {
  status: "ACTIVE",
  replicaState: "created",
  move: undefined,
  applied: [9, 9, 9],
  walFiles: 2,
  registered: "new",
};

/** The end of a run: one stream of one shard on three nodes. */
function worldOf(changes: Partial<Picture>): World {
  const { status, replicaState, move, applied, walFiles, registered } = { ...WELL, ...changes };
  const replicas = [1, 2, 3].map((nodeId) => ({
    replicaId: 10 + nodeId,
    nodeId,
    state: nodeId === 2 ? replicaState : "created",
  }));
  const put = (key: string, record: object) => {
    return { key, json: JSON.stringify({ v: 1, ...record }) };
  };
  const view = new MetadataView();
  view.reset(20, [
    put(METADATA_KEY.cluster, { metadataGroup: { groupId: 1, replicas: [] } }),
    put(METADATA_KEY.node(1), { nodeId: 1, incarnation: registered }),
    put(METADATA_KEY.stream(ACCOUNT, "s"), {
      account: ACCOUNT,
      streamName: "s",
      streamId: "id",
      status,
    }),
    put(METADATA_KEY.shard("id", 0), {
      streamId: "id",
      shardIndex: 0,
      groupId: 5,
      state: "open",
      replicas,
      startingHashKey: "0",
      endingHashKey: "9",
      ...(move === undefined ? {} : { move }),
    }),
  ]);
  const machines = applied.map((appliedIndex, at) => ({
    nodeId: at + 1,
    lostIncarnations: new Set(at === 0 ? ["old"] : []),
    running: {
      lane: { groups: () => [{ groupId: 5, replicaId: 11 + at, appliedIndex }] },
      storage: { stats: () => ({ walFiles }), identity: { incarnation: at === 0 ? "new" : "it" } },
    },
  }));
  return { newestView: view, machines } as unknown as World; // nothing else of it is looked at
}

function verdict(changes: Partial<Picture>) {
  const world = worldOf(changes);
  return {
    L2: haveConverged(world),
    L3: unsettled(world),
    L4: walFilesAreFreed(world),
    L5: wipedNodesAreBack(world),
  };
}

const FINE = { L2: true, L3: [], L4: true, L5: true };

describe("what must come true in the end", () => {
  it("is true of a cluster that is well", () => {
    expect(verdict({})).toEqual(FINE);
  });

  it("is broken by a replica that lags (L2)", () => {
    expect(verdict({ applied: [9, 8, 9] })).toEqual({ ...FINE, L2: false });
  });

  it("is broken by a node without its replica (L2)", () => {
    expect(verdict({ applied: [9, 9] })).toEqual({ ...FINE, L2: false });
  });

  it("is broken by a dead replica, a move and a stream that hang (L3)", () => {
    expect(verdict({ replicaState: "damaged" }).L3).toEqual(["replica 12 of group 5 is damaged"]);
    expect(verdict({ move: { removeReplicaId: 12 } }).L3).toEqual(["group 5 is on the move"]);
    expect(verdict({ status: "UPDATING" }).L3).toEqual(["stream s is UPDATING"]);
  });

  it("is broken by files of the log that nobody frees (L4)", () => {
    expect(verdict({ walFiles: 3 })).toEqual({ ...FINE, L4: false });
  });

  it("is broken by a wiped node that is still known by its former disk (L5)", () => {
    expect(verdict({ registered: "old" })).toEqual({ ...FINE, L5: false });
  });
});
