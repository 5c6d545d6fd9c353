import { MetadataView } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { createCommand, formCommand, nodeRecord, ACCOUNT } from "../testing/samples.ts";
import type { Command, ReportedReplica } from "./command.ts";
import { decodeCommand, encodeCommand } from "./command.ts";
import { MetadataState } from "./metadata-state.ts";
import type { Outcome } from "./outcome.ts";

/** Applies commands as entries 1, 2, 3, … of one log. */
class Machine {
  readonly state = new MetadataState(new MetadataView());

  do(...commands: readonly Command[]): Outcome {
    let outcome: Outcome;
    for (const command of commands) {
      const index = this.state.view.index + 1;
      this.state.apply([{ term: 1, index, data: encodeCommand(command, 0) }]);
      outcome = this.state.outcome(index);
    }
    return outcome;
  }

  get stream() {
    return this.state.view.stream(ACCOUNT, "orders");
  }
  shard(index: number) {
    const shard = this.state.view.shards(this.stream?.streamId ?? "")[index];
    if (shard === undefined) throw new Error(`no shard ${index}`);
    return shard;
  }
}

function formed(): Machine {
  const machine = new Machine();
  machine.do(formCommand());
  return machine;
}

function created(nodeId: number, ...replicas: readonly Partial<ReportedReplica>[]): Command {
  return {
    kind: "report-replicas",
    nodeId,
    incarnation: `disk-${nodeId}`,
    replicas: replicas.map((replica) => ({
      groupId: 2,
      replicaId: 4,
      state: "created",
      leading: false,
      ...replica,
    })),
  };
}

/** Replicas 4 (node 1) of shard 0 and 7 (node 2) of shard 1 come first and lead; 5 and 8 follow. */
function active(): Machine {
  const machine = formed();
  machine.do(
    createCommand(),
    created(1, { leading: true }),
    created(2, { replicaId: 5 }, { groupId: 3, replicaId: 7, leading: true }),
    created(3, { groupId: 3, replicaId: 8 }),
    { kind: "activate-stream", account: ACCOUNT, streamName: "orders", streamId: "id-1" },
  );
  return machine;
}

const target = { account: ACCOUNT, streamName: "orders", streamId: "id-1" };

describe("commands of the metadata log", () => {
  it("come back from their bytes as they were", () => {
    for (const command of [formCommand(), createCommand(), created(1, {})]) {
      expect(decodeCommand(encodeCommand(command, 5))).toEqual(command);
    }
  });

  it("stop a member that does not know their number or version", () => {
    const later = encodeCommand(createCommand(), 0);
    later[2] = 99;
    expect(() => decodeCommand(later)).toThrow(/metadata command 99 is not known/);
    const version = encodeCommand(createCommand(), 0);
    version[version.indexOf(0x31)] = 0x32; // {"v":1 becomes {"v":2
    expect(() => decodeCommand(version)).toThrow(/format version 2, known is 1/);
  });
});

describe("forming a cluster", () => {
  it("writes the cluster, its voters and the first access key", () => {
    const { state } = formed();
    expect(state.view.cluster()).toMatchObject({
      clusterId: "c1",
      nextGroupId: 2,
      nextReplicaId: 4,
      trimClockMs: 1_700_000_000_000,
    });
    expect([...state.nodes.keys()]).toEqual([1, 2, 3]);
    expect(state.view.accessKey("MRKEY1")?.account).toBe(ACCOUNT);
  });

  it("is harmless when repeated and refused for another cluster", () => {
    const machine = formed();
    const before = machine.state.snapshot();
    expect(machine.do(formCommand({ region: "elsewhere" }))).toBeUndefined();
    expect(machine.do(formCommand({ clusterId: "c2" }))).toMatchObject({ code: "already-exists" });
    expect(machine.state.snapshot()).toEqual(before);
  });

  it("comes before everything else", () => {
    const commands: Command[] = [
      createCommand(),
      { kind: "register-node", node: nodeRecord(1) },
      { kind: "update-limits", limits: { kind: "unlimited" } },
      { kind: "advance-trim-clock", nowMs: 1 },
      {
        kind: "create-access-key",
        accessKeyId: "K",
        account: ACCOUNT,
        sealedSecret: "s",
        nowMs: 1,
      },
    ];
    const outcomes = commands.map((command) => new Machine().do(command)?.code);
    expect(outcomes).toEqual(commands.map(() => "unavailable"));
  });
});

describe("registering a node", () => {
  it("renews what is known, and refuses an earlier start of the same disk", () => {
    const machine = formed();
    machine.do({ kind: "register-node", node: nodeRecord(2, { bootEpoch: 3, pid: 77 }) });
    const stale: Command = { kind: "register-node", node: nodeRecord(2, { bootEpoch: 2 }) };
    expect(machine.do(stale)).toMatchObject({ code: "wrong-state" });
    expect(machine.state.view.node(2)?.pid).toBe(77);
  });

  it("records the replicas of a disk that was replaced as lost (S8)", () => {
    const machine = active();
    machine.do({ kind: "register-node", node: nodeRecord(1, { incarnation: "new-disk" }) });
    expect(machine.shard(0).replicas.map(({ state }) => state)).toEqual([
      "lost",
      "created",
      "creating",
    ]);
    const again = { ...created(1, { leading: true }), incarnation: "new-disk" } as Command;
    machine.do(again);
    expect(machine.shard(0).replicas[0]?.state).toBe("lost");
  });

  it("follows a node into draining and back", () => {
    const machine = formed();
    const word = { kind: "set-node-state", nodeId: 1, incarnation: "disk-1" } as const;
    machine.do({ ...word, state: "draining" });
    expect(machine.state.nodes.get(1)?.state).toBe("draining");
    expect(machine.do({ ...word, incarnation: "x", state: "active" })?.code).toBe("not-found");
    machine.do({ ...word, state: "active" });
    expect(machine.state.nodes.get(1)?.state).toBe("active");
  });
});

describe("the life of a stream", () => {
  it("begins with shards that own every hash key and ids that are never reused", () => {
    const machine = formed();
    machine.do(createCommand());
    expect(machine.stream?.status).toBe("CREATING");
    const shards = machine.state.view.shards("id-1");
    expect(shards.map(({ groupId, epoch, state }) => [groupId, epoch, state])).toEqual([
      [2, 1, "creating"],
      [3, 1, "creating"],
    ]);
    expect(
      shards.map(({ startingHashKey, endingHashKey }) => [startingHashKey, endingHashKey]),
    ).toEqual([
      ["0", ((1n << 127n) - 1n).toString()],
      [(1n << 127n).toString(), ((1n << 128n) - 1n).toString()],
    ]);
    expect(shards[1]?.replicas).toEqual([
      { replicaId: 7, nodeId: 2, incarnation: "disk-2", state: "creating" },
      { replicaId: 8, nodeId: 3, incarnation: "disk-3", state: "creating" },
      { replicaId: 9, nodeId: 1, incarnation: "disk-1", state: "creating" },
    ]);
    expect(machine.state.view.cluster()).toMatchObject({ nextGroupId: 4, nextReplicaId: 10 });
  });

  it("has one stream of a name at a time", () => {
    const machine = formed();
    machine.do(createCommand());
    const before = machine.state.snapshot();
    expect(machine.do(createCommand({ streamId: "id-2" }))).toEqual({
      code: "already-exists",
      message: "Stream orders under account 000000000001 already exists.",
    });
    expect(machine.state.snapshot()).toEqual(before);
  });

  it("is not placed on a disk that was replaced after it was chosen", () => {
    const machine = formed();
    machine.do({ kind: "register-node", node: nodeRecord(2, { incarnation: "new-disk" }) });
    expect(machine.do(createCommand())?.code).toBe("unavailable");
    expect(machine.stream).toBeUndefined();
  });

  it("opens only when every shard has a majority and has had a leader", () => {
    const machine = formed();
    const activate: Command = { kind: "activate-stream", ...target };
    machine.do(createCommand());
    expect(machine.do(activate)?.code).toBe("wrong-state");
    machine.do(created(1, { leading: true }), created(2, { replicaId: 5 }));
    expect(machine.do(activate)?.code).toBe("wrong-state"); // shard 1 has nothing
    machine.do(created(2, { groupId: 3, replicaId: 7 }), created(3, { groupId: 3, replicaId: 8 }));
    expect(machine.do(activate)?.code).toBe("wrong-state"); // shard 1 has no leader
    machine.do(created(3, { groupId: 3, replicaId: 8, leading: true }));
    expect(machine.do(activate)).toBeUndefined();
    expect(machine.stream?.status).toBe("ACTIVE");
    expect(machine.state.view.shards("id-1").map(({ state, epoch }) => [state, epoch])).toEqual([
      ["open", 2],
      ["open", 2],
    ]);
    expect(machine.state.auxiliary.ledGroups.size).toBe(0);
  });

  it("takes more than half of the replicas to open, also of an even number", () => {
    const machine = formed();
    machine.do(createCommand({ placements: [[0, 1]] }), created(1, { leading: true }), {
      kind: "activate-stream",
      ...target,
    });
    expect(machine.stream?.status).toBe("CREATING");
    machine.do(created(2, { replicaId: 5 }), { kind: "activate-stream", ...target });
    expect(machine.stream?.status).toBe("ACTIVE");
  });

  it("can be deleted while it is created, and only once", () => {
    const machine = formed();
    machine.do(createCommand());
    const remove: Command = { kind: "delete-stream", ...target, streamId: "", nowMs: 9 };
    expect(machine.do(remove)).toBeUndefined();
    expect(machine.stream).toMatchObject({ status: "DELETING", deletingSinceMs: 9 });
    expect(machine.shard(0)).toMatchObject({ state: "deleting", epoch: 2 });
    expect(machine.do(remove)?.code).toBe("wrong-state");
  });

  it("ends with a tombstone for every group, and no record besides (S13)", () => {
    const machine = active();
    const gone: Command = { kind: "remove-stream", ...target, nowMs: 20 };
    expect(machine.do(gone)?.code).toBe("wrong-state"); // still ACTIVE
    machine.do({ kind: "delete-stream", ...target, nowMs: 10 }, gone);
    expect(machine.stream).toBeUndefined();
    expect(machine.state.view.list("shard")).toEqual([]);
    expect([...machine.state.tombstones.keys()]).toEqual([2, 3]);
    // The grace begins no earlier than the clock shows that brokers count it by.
    const { trimClockMs } = machine.state.view.cluster() ?? {};
    expect(machine.state.tombstones.get(2)).toMatchObject({ deletedAtMs: trimClockMs });
    expect(machine.do(gone)?.code).toBe("not-found");
  });

  it("is not touched by a late command meant for an earlier stream of its name", () => {
    const machine = formed();
    machine.do(createCommand({ streamId: "id-2" }));
    for (const kind of ["activate-stream", "delete-stream", "remove-stream"] as const) {
      expect(machine.do({ kind, ...target, nowMs: 1 })?.code).toBe("not-found");
    }
    expect(machine.stream?.status).toBe("CREATING");
  });

  it("gets a later creation second than a deleted stream of its name, even if the clock went back", () => {
    const machine = active();
    const before = machine.shard(0).createdAtSec;
    machine.do(
      { kind: "delete-stream", ...target, nowMs: 10 },
      { kind: "remove-stream", ...target, nowMs: 20 },
      createCommand({ streamId: "id-2", nowMs: 1_600_000_000_000 }),
    );
    expect(before).toBe(1_700_000_100);
    expect(machine.shard(0).createdAtSec).toBe(before + 1);
    machine.do(createCommand({ streamName: "other", streamId: "id-3", nowMs: 0 }));
    expect(machine.state.view.shards("id-3")[0]?.createdAtSec).toBe(before + 1);
  });
});

describe("retention", () => {
  const hours = (retentionHours: number, direction: "increase" | "decrease"): Command => ({
    kind: "update-retention",
    account: ACCOUNT,
    streamName: "orders",
    retentionHours,
    direction,
  });

  it("moves only in the direction asked for; staying is either", () => {
    const machine = active();
    const steps = [hours(24, "increase"), hours(48, "increase"), hours(30, "increase")].concat(
      hours(60, "decrease"),
      hours(48, "decrease"),
      hours(25, "decrease"),
    );
    expect(steps.map((step) => machine.do(step)?.code)).toEqual([
      undefined,
      undefined,
      "invalid-argument",
      "invalid-argument",
      undefined,
      undefined,
    ]);
    expect(machine.stream?.retentionHours).toBe(25);
  });

  it("of a stream that is not ACTIVE cannot change", () => {
    const machine = formed();
    machine.do(createCommand());
    expect(machine.do(hours(48, "increase"))).toEqual({
      code: "wrong-state",
      message: "Stream orders under account 000000000001 not ACTIVE, instead in state CREATING",
    });
  });
});

describe("tags", () => {
  const tags = (set: Record<string, string>, remove: readonly string[] = []): Command => ({
    kind: "update-tags",
    account: ACCOUNT,
    streamName: "orders",
    set,
    remove,
  });

  it("are set and removed, and set wins over removed", () => {
    const machine = active();
    machine.do(tags({ a: "1", b: "2" }), tags({ a: "3" }, ["a", "b", "none"]));
    expect(machine.stream?.tags).toEqual({ a: "3" });
  });

  it("are at most 50", () => {
    const machine = active();
    const many = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${from + at}`, ""]));
    expect(machine.do(tags(many(0, 50)))).toBeUndefined();
    expect(machine.do(tags(many(50, 1)))?.code).toBe("limit-exceeded");
    expect(machine.do(tags(many(50, 1), ["t0"]))).toBeUndefined();
    expect(Object.keys(machine.stream?.tags ?? {})).toHaveLength(50);
  });
});

describe("reports of replicas", () => {
  it("never take a lost replica back (S7)", () => {
    const machine = active();
    machine.do(created(1, { state: "lost" }));
    machine.do(created(1, { leading: true }));
    expect(machine.shard(0).replicas[0]?.state).toBe("lost");
  });

  it("do not lose a replica that was never confirmed", () => {
    const machine = formed();
    machine.do(createCommand(), created(1, { state: "lost" }));
    expect(machine.shard(0).replicas[0]?.state).toBe("creating");
  });

  it("count only for the sender's own replicas of its registered disk", () => {
    const machine = formed();
    machine.do(createCommand());
    machine.do(created(2, { leading: true })); // replica 4 is node 1's
    const other = { ...created(1, {}), incarnation: "former-disk" } as Command;
    expect(machine.do(other)?.code).toBe("wrong-state");
    expect(machine.shard(0).replicas.map(({ state }) => state)).toEqual(
      Array.from({ length: 3 }, () => "creating"),
    );
    expect(machine.state.auxiliary.ledGroups.size).toBe(0);
  });

  it("strike a replica off its group's tombstone, and nothing else drops it", () => {
    const machine = active();
    machine.do(
      { kind: "delete-stream", ...target, nowMs: 10 },
      { kind: "remove-stream", ...target, nowMs: 20 },
      created(1, { state: "removed" }, { groupId: 99, state: "removed" }),
      created(2, { state: "removed" }), // replica 4 is not node 2's
    );
    const left = machine.state.tombstones.get(2)?.replicas.map(({ replicaId }) => replicaId);
    expect(left).toEqual([5, 6]);
    machine.do({ kind: "drop-tombstones", groupIds: [2, 99] });
    expect([...machine.state.tombstones.keys()]).toEqual([3]);
  });
});

describe("the cluster's keys, limits and trim clock", () => {
  it("take a key id once", () => {
    const machine = formed();
    const key: Command = {
      kind: "create-access-key",
      accessKeyId: "MRKEY2",
      account: ACCOUNT,
      sealedSecret: "s",
      nowMs: 3,
    };
    expect([machine.do(key), machine.do(key)?.code]).toEqual([undefined, "already-exists"]);
  });

  it("replace the limits of all streams", () => {
    const machine = formed();
    const limits = { kind: "custom", perShard: { writeRecordsPerSec: 5 } } as const;
    machine.do({ kind: "update-limits", limits });
    expect(machine.state.view.cluster()?.limits).toEqual(limits);
  });

  it("let the trim clock move forwards only (S9)", () => {
    const machine = formed();
    machine.do({ kind: "advance-trim-clock", nowMs: 1_700_000_060_000 });
    machine.do({ kind: "advance-trim-clock", nowMs: 1_700_000_030_000 });
    expect(machine.state.view.cluster()?.trimClockMs).toBe(1_700_000_060_000);
  });
});
