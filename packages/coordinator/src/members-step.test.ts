import { StreamError } from "@millrace/base";
import type { NodeRecord } from "@millrace/model";
import { beforeEach, describe, expect, it } from "vitest";

import { membersStep, MEMBERS_TIMING_DEFAULT, replicasLeft } from "./members-step.ts";
import { requireRoomElsewhere } from "./room-elsewhere.ts";
import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { MetadataState } from "./state/metadata-state.ts";

const { replaceAfterMs } = MEMBERS_TIMING_DEFAULT;
const GROUP = 2;

let state: MetadataState;
let index: number;
let silentMs: Map<number, number>;

function commit(command: Command): void {
  index += 1;
  state.apply([{ term: 1, index, data: encodeCommand(command, 1) }]);
}

function register(nodeId: number, changes: Partial<NodeRecord> = {}): void {
  const node: NodeRecord = {
    nodeId,
    incarnation: `inc${nodeId}`,
    bootEpoch: 1,
    roles: ["broker"],
    host: `host-${nodeId}`,
    zone: `zone-${nodeId}`,
    addresses: { rpc: "r", admin: "a" },
    pid: 1,
    dataDir: "",
    version: "",
    state: "active",
    ...changes,
  };
  commit({ kind: "register-node", node });
}

function created(nodeId: number, replicaId: number, incarnation = `inc${nodeId}`): void {
  const replicas = [{ groupId: GROUP, replicaId, state: "created", leading: true }] as const;
  commit({ kind: "report-replicas", nodeId, incarnation, replicas });
}

const step = () =>
  membersStep({
    state,
    timing: MEMBERS_TIMING_DEFAULT,
    nowMs: 1_000_000,
    retiredGraceMs: 60_000,
    isAlive: (nodeId) => (silentMs.get(nodeId) ?? 0) < 5_000,
    silentMs: (nodeId) => silentMs.get(nodeId) ?? 0,
  });
const placed = () => state.view.shardOfGroup(GROUP);
const nodesOf = () => placed()?.replicas.map(({ nodeId }) => nodeId);

/** One shard on nodes 1, 2 and 3, with replicas 4, 5 and 6. */
beforeEach(() => {
  state = new MetadataState();
  index = 0;
  silentMs = new Map();
  const account = "000000000000";
  commit({
    kind: "form-cluster",
    clusterId: "c",
    account,
    region: "r",
    createdAtMs: 1,
    limits: { kind: "unlimited" } as never, // no limit is looked at here
    sealedTokenKey: "",
    accessKeyId: "a",
    sealedSecret: "",
    nodes: [],
    nextReplicaId: 4,
  });
  for (const nodeId of [1, 2, 3]) register(nodeId);
  commit({
    kind: "create-stream",
    account,
    streamName: "s",
    streamId: "id",
    streamMode: "PROVISIONED",
    retentionHours: 24,
    maxRecordSizeKib: 1024,
    tags: {},
    nowMs: 1,
    brokers: [1, 2, 3].map((nodeId) => ({ nodeId, incarnation: `inc${nodeId}` })),
    placements: [[0, 1, 2]],
  });
  for (const nodeId of [1, 2, 3]) created(nodeId, nodeId + 3);
  commit({ kind: "activate-stream", account, streamName: "s", streamId: "id" });
});

describe("the next move", () => {
  it("is none while every replica is where it should be", () => {
    expect(step().kind).toBe("wait");
  });

  it("makes a lost replica again on its node, under a new id, and retires the old one (S8, S13)", () => {
    register(2, { incarnation: "new" });
    const start = step();
    expect(start).toEqual({
      kind: "start-move",
      groupId: GROUP,
      removeReplicaId: 5,
      add: { nodeId: 2, incarnation: "new" },
    });
    commit(start as Command);
    expect(placed()?.move?.add).toEqual({
      replicaId: 7,
      nodeId: 2,
      incarnation: "new",
      state: "creating",
    });
    created(2, 7, "new");
    expect(step().kind).toBe("wait"); // for the group's leader
    commit({ kind: "report-members", groupId: GROUP, confIndex: 9, voters: [4, 6, 7], nowMs: 5 });
    expect(placed()?.replicas.map(({ replicaId }) => replicaId)).toEqual([4, 7, 6]);
    expect(placed()?.move).toBeUndefined();
    expect([...state.retired.keys()]).toEqual([`retired/${GROUP}/5`]);
    expect(step()).toEqual({ kind: "drop-retired", replicas: [{ groupId: GROUP, replicaId: 5 }] });
  });

  it("gives a damaged replica's place to another on the same node, of the same disk, when there is no other", () => {
    const damaged = { groupId: GROUP, replicaId: 5, state: "damaged", leading: false } as const;
    const reports = { kind: "report-replicas", nodeId: 2, incarnation: "inc2" } as const;
    commit({ ...reports, replicas: [damaged] });
    commit({ ...reports, replicas: [{ ...damaged, state: "created" }] }); // says nothing any more
    expect(step()).toEqual({
      kind: "start-move",
      groupId: GROUP,
      removeReplicaId: 5,
      add: { nodeId: 2, incarnation: "inc2" },
    });
    commit(step() as Command);
    created(2, 7);
    expect(step().kind).toBe("wait"); // the node is alive, but that is no reason to take the move back
    commit({ kind: "report-members", groupId: GROUP, confIndex: 9, voters: [4, 6, 7], nowMs: 5 });
    expect(placed()?.replicas.map(({ replicaId }) => replicaId)).toEqual([4, 7, 6]);
    // Its files are there, so the record waits for its owner's word however long that takes (S13).
    expect([...state.retired.keys()]).toEqual([`retired/${GROUP}/5`]);
    expect(step().kind).toBe("wait");
    commit({ ...reports, replicas: [{ ...damaged, state: "removed" }] });
    expect(state.retired.size).toBe(0);
  });

  it("leaves a silent broker's replicas alone for 15 minutes, then makes them elsewhere", () => {
    register(4);
    silentMs.set(3, replaceAfterMs);
    expect(step().kind).toBe("wait");
    silentMs.set(3, replaceAfterMs + 1);
    expect(step()).toMatchObject({ removeReplicaId: 6, add: { nodeId: 4 } });
  });

  it("waits while the group has no majority that could decide on it, and keeps nobody else waiting", () => {
    register(4);
    silentMs.set(3, replaceAfterMs + 1);
    silentMs.set(2, replaceAfterMs + 1);
    expect(step().kind).toBe("wait");
    silentMs.delete(2);
    expect(step()).toMatchObject({ kind: "start-move", removeReplicaId: 6 });
    // Two damaged replicas of three may hold the only copy of something: none is overwritten.
    silentMs.delete(3);
    for (const [nodeId, replicaId] of [
      [1, 4],
      [2, 5],
    ] as const) {
      const replicas = [{ groupId: GROUP, replicaId, state: "damaged", leading: false }] as const;
      commit({ kind: "report-replicas", nodeId, incarnation: `inc${nodeId}`, replicas });
    }
    expect(step().kind).toBe("wait");
  });

  it("is taken back when the silent broker returns before it is done", () => {
    register(4);
    silentMs.set(3, replaceAfterMs + 1);
    commit(step() as Command);
    silentMs.delete(3);
    expect(step()).toEqual({ kind: "cancel-move", groupId: GROUP });
    commit(step() as Command);
    commit({ kind: "report-members", groupId: GROUP, confIndex: 9, voters: [4, 5, 6], nowMs: 5 });
    expect([placed()?.move, nodesOf()]).toEqual([undefined, [1, 2, 3]]);
    expect([...state.retired.keys()]).toEqual([`retired/${GROUP}/7`]);
  });

  it("never puts two replicas under one host, and prefers another zone", () => {
    register(4, { host: "host-1" });
    silentMs.set(3, replaceAfterMs + 1);
    expect(step().kind).toBe("wait");
    register(5, { zone: "zone-1" });
    register(6);
    expect(step()).toMatchObject({ add: { nodeId: 6 } });
  });

  it("empties a node, and then says that it is removed", () => {
    register(4);
    commit({ kind: "set-node-goal", nodeId: 1, goal: "decommission" });
    expect(step()).toMatchObject({ removeReplicaId: 4, add: { nodeId: 4 } });
    commit(step() as Command);
    expect([replicasLeft(state, 1), replicasLeft(state, 4)]).toEqual([1, 1]);
    created(4, 7);
    commit({ kind: "report-members", groupId: GROUP, confIndex: 9, voters: [5, 6, 7], nowMs: 5 });
    expect(step()).toEqual({ kind: "set-node-goal", nodeId: 1, goal: "removed" });
  });
});

describe("emptying a node", () => {
  it("is refused when a group would have no place, naming it", () => {
    expect(() => requireRoomElsewhere(state, 1)).toThrow(StreamError);
    expect(() => requireRoomElsewhere(state, 1)).toThrow(/node 1 cannot be emptied: group 2/);
    register(4);
    expect(() => requireRoomElsewhere(state, 1)).not.toThrow();
  });
});
