import { StreamError } from "@millrace/base";
import { diskError } from "@millrace/storage/testing";
import { afterEach, describe, expect, it } from "vitest";

import { LaneCluster, RecordingMachine, type LaneClusterOptions } from "./testing/index.ts";

const bytes = (value: string): Uint8Array => Buffer.from(value);

const clusters: LaneCluster[] = [];

async function newCluster(options: LaneClusterOptions = {}): Promise<LaneCluster> {
  const cluster = await LaneCluster.create(options);
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop();
});

const GROUP = 2;

/** A cluster that keeps its machines by node, with one group led by node 1. */
async function newGroup(options: LaneClusterOptions = {}) {
  const machines = new Map<number, RecordingMachine>();
  const cluster = await newCluster({
    createStateMachine: (nodeId) => {
      const machine = new RecordingMachine();
      machines.set(nodeId, machine);
      return machine;
    },
    ...options,
  });
  await cluster.createGroup(GROUP, { preferred: 1 });
  await cluster.electAll([GROUP]);
  const texts = (nodeId: number): string[] =>
    machines.get(nodeId)?.entries.map((entry) => entry.text) ?? [];
  return { cluster, machines, texts };
}

describe("a lane with many groups", () => {
  it("elects the preferred leader of each of 50 groups", async () => {
    const cluster = await newCluster({ seed: 7 });
    const ids = Array.from({ length: 50 }, (_, i) => i + 2);
    await Promise.all(
      ids.map((groupId) => cluster.createGroup(groupId, { preferred: (groupId % 3) + 1 })),
    );
    await cluster.electAll(ids, 5_000);
    const leaders = ids.map((groupId) => cluster.leaderNode(groupId));
    expect(leaders).toEqual(ids.map((groupId) => (groupId % 3) + 1));
  });

  it("shares syncs and frames among 200 proposals of one turn", async () => {
    const cluster = await newCluster({ syncMs: 2 });
    const ids = Array.from({ length: 200 }, (_, i) => i + 2);
    await Promise.all(ids.map((groupId) => cluster.createGroup(groupId, { preferred: 1 })));
    await cluster.electAll(ids, 10_000);
    await cluster.run(100);
    const before = cluster.nodeIds.map((nodeId) => counts(cluster, nodeId));
    let acknowledged = 0;
    for (const groupId of ids) {
      const at = cluster.group(1, groupId).propose(bytes(`for ${groupId}`), undefined, (error) => {
        if (error === undefined) acknowledged += 1;
      });
      expect(at).not.toBeInstanceOf(StreamError);
    }
    await cluster.runUntil(() => acknowledged === ids.length, 1_000);
    const after = cluster.nodeIds.map((nodeId) => counts(cluster, nodeId));
    for (const [i, { writes, frames }] of after.entries()) {
      expect(writes - (before[i]?.writes ?? 0)).toBeLessThanOrEqual(3);
      expect(frames - (before[i]?.frames ?? 0)).toBeLessThanOrEqual(12);
    }
  });

  it("spends one synced write per lane on a lone proposal", async () => {
    const { cluster } = await newGroup();
    await cluster.run(3_000); // the election's commit indexes are written
    const before = cluster.nodeIds.map((nodeId) => counts(cluster, nodeId).writes);
    expect(await cluster.propose(GROUP, bytes("alone"))).toBeUndefined();
    await cluster.run(50);
    const after = cluster.nodeIds.map((nodeId) => counts(cluster, nodeId).writes);
    expect(after.map((writes, i) => writes - (before[i] ?? 0))).toEqual([1, 1, 1]);
  });

  it("lets groups sleep at no cost, and wakes them by a proposal or the death of a node", async () => {
    const cluster = await newCluster();
    const ids = Array.from({ length: 20 }, (_, i) => i + 2);
    await Promise.all(ids.map((groupId) => cluster.createGroup(groupId, { preferred: 1 })));
    await cluster.electAll(ids);
    await cluster.run(7_000);
    const awake = cluster.nodeIds.map((nodeId) => cluster.lane(nodeId).stats.awakeGroups);
    expect(awake).toEqual([0, 0, 0]);
    const sent = cluster.nodeIds.map((nodeId) => cluster.lane(nodeId).stats.messagesSent);
    await cluster.run(5_000);
    expect(cluster.nodeIds.map((nodeId) => cluster.lane(nodeId).stats.messagesSent)).toEqual(sent);

    expect(await cluster.propose(3, bytes("awake"))).toBeUndefined();
    expect(cluster.group(1, 3).asleep).toBe(false);
    await cluster.run(7_000);
    expect(cluster.lane(1).stats.awakeGroups).toBe(0);

    cluster.kill(1);
    const tookMs = await cluster.electAll(ids, 2_000);
    expect(tookMs).toBeLessThan(1_000);
  });
});

function counts(cluster: LaneCluster, nodeId: number): { writes: number; frames: number } {
  return {
    writes: cluster.storage(nodeId).stats().walSyncedWrites,
    frames: cluster.lane(nodeId).stats.framesSent,
  };
}

describe("the loss of a leader", () => {
  it("costs under two seconds and nothing that was acknowledged", async () => {
    const { cluster, texts } = await newGroup();
    for (const value of ["a", "b", "c"]) await cluster.propose(GROUP, bytes(value));
    cluster.kill(1);
    const tookMs = await cluster.runUntil(() => cluster.leader(GROUP) !== undefined, 2_000);
    expect(tookMs).toBeLessThan(1_000);
    expect(texts(cluster.leaderNode(GROUP) ?? 0)).toEqual(["a", "b", "c"]);
    expect(await cluster.propose(GROUP, bytes("d"))).toBeUndefined();
    await cluster.restart(1);
    await cluster.runUntil(() => texts(1).length === 4, 5_000);
    expect(texts(1)).toEqual(["a", "b", "c", "d"]);
  });

  it("is found by silence alone when the machine is gone", async () => {
    const { cluster } = await newGroup();
    cluster.network.partition([1], [2, 3]);
    const tookMs = await cluster.runUntil(() => {
      const node = cluster.leaderNode(GROUP);
      return node !== undefined && node !== 1;
    }, 5_000);
    expect(tookMs).toBeLessThan(2_500);
  });

  it("ends what was pending as indeterminate, and a deposed leader never acknowledges (S11)", async () => {
    const { cluster, texts } = await newGroup();
    const old = cluster.group(1, GROUP);
    cluster.network.partition([1], [2, 3]);
    const answers: (string | undefined)[] = [];
    old.propose(bytes("cut off"), undefined, (error) => answers.push(error?.code));
    await cluster.runUntil(() => [2, 3].includes(cluster.leaderNode(GROUP) ?? 0), 5_000);
    await cluster.runUntil(() => old.role !== "leader", 5_000);
    expect(answers).toEqual(["indeterminate"]);
    const refused = old.propose(bytes("too late"), undefined, () => answers.push("called"));
    expect(refused).toMatchObject({ code: "not-leader" });
    cluster.network.heal();
    await cluster.propose(GROUP, bytes("kept"));
    await cluster.runUntil(() => texts(1).includes("kept"), 5_000);
    expect(texts(1)).toEqual(["kept"]);
    expect(answers).toEqual(["indeterminate"]);
  });

  it("names the new leader and refuses a term that is over", async () => {
    const { cluster } = await newGroup();
    const { term } = cluster.group(1, GROUP);
    const follower = cluster.group(2, GROUP).propose(bytes("x"), undefined, () => {});
    expect(follower).toMatchObject({ code: "not-leader", hint: { leaderNodeId: 1, term } });
    const stale = cluster.group(1, GROUP).propose(bytes("x"), term - 1, () => {});
    expect(stale).toMatchObject({ code: "not-leader", hint: { leaderNodeId: 1, term } });
  });
});

describe("a restart", () => {
  it("keeps terms, votes and entries through a power loss of all nodes (S1, S7)", async () => {
    const { cluster, texts } = await newGroup();
    for (const value of ["a", "b"]) await cluster.propose(GROUP, bytes(value));
    const hardStates = cluster.nodeIds.map((nodeId) => logOf(cluster, nodeId)?.hardState);
    for (const nodeId of cluster.nodeIds) cluster.kill(nodeId, "all");
    for (const nodeId of cluster.nodeIds) await cluster.restart(nodeId);
    for (const [i, nodeId] of cluster.nodeIds.entries()) {
      const now = logOf(cluster, nodeId)?.hardState;
      expect(now?.term).toBeGreaterThanOrEqual(hardStates[i]?.term ?? 0);
      if (now?.term === hardStates[i]?.term) expect(now?.vote).toBe(hardStates[i]?.vote);
    }
    await cluster.electAll([GROUP], 10_000);
    expect(texts(cluster.leaderNode(GROUP) ?? 0)).toEqual(["a", "b"]);
  });
});

function logOf(cluster: LaneCluster, nodeId: number) {
  return cluster
    .storage(nodeId)
    .groups()
    .find(({ groupId }) => groupId === GROUP);
}

describe("linearizable reads", () => {
  it("answer on the leader and on a follower with all that was acknowledged before", async () => {
    const { cluster, machines } = await newGroup();
    await cluster.propose(GROUP, bytes("a"));
    const { lastIndex } = cluster.group(1, GROUP);
    for (const nodeId of cluster.nodeIds) {
      const index = await cluster.readIndex(nodeId, GROUP);
      expect(index).toBeGreaterThanOrEqual(lastIndex);
      expect(machines.get(nodeId)?.entries.map((entry) => entry.text)).toEqual(["a"]);
    }
  });

  it("share one round per turn", async () => {
    const { cluster } = await newGroup();
    await cluster.run(150);
    const before = cluster.lane(2).stats.messagesSent;
    let answered = 0;
    for (let i = 0; i < 100; i += 1) cluster.group(2, GROUP).readIndex(() => (answered += 1));
    await cluster.run(20);
    expect(answered).toBe(100);
    expect(cluster.lane(2).stats.messagesSent - before).toBeLessThanOrEqual(4);
  });

  it("survive a change of leader, and give up without a quorum", async () => {
    const { cluster } = await newGroup();
    cluster.kill(1);
    const answer = await cluster.readIndex(2, GROUP);
    expect(answer).not.toBeInstanceOf(StreamError);
    cluster.kill(3);
    expect(await cluster.readIndex(2, GROUP)).toMatchObject({ code: "unavailable" });
  });
});

describe("a follower that is behind the log", () => {
  it("of a metadata group is sent the state, in parts when it is large", async () => {
    const { cluster, texts, machines } = await newGroupOfKind("metadata", {
      compactAfterEntries: 20,
      snapshotPartBytes: 64,
    });
    cluster.kill(3);
    for (let i = 0; i < 50; i += 1) await cluster.propose(GROUP, bytes(`entry ${i}`));
    expect(logOf(cluster, 1)?.firstIndex()).toBeGreaterThan(20);
    await cluster.restart(3);
    await cluster.runUntil(() => texts(3).length === 50, 10_000);
    expect(texts(3)).toEqual(texts(1));
    expect(machines.get(3)?.restores).toBe(2);
    expect(await cluster.propose(GROUP, bytes("after"))).toBeUndefined();
    await cluster.runUntil(() => texts(3).length === 51, 5_000);
  });

  it("of a shard starts from the trim point and takes the rest of the log", async () => {
    const { cluster, texts } = await newGroupOfKind("shard", {});
    cluster.kill(3);
    for (let i = 0; i < 30; i += 1) await cluster.propose(GROUP, bytes(`entry ${i}`));
    for (const nodeId of [1, 2]) cluster.group(nodeId, GROUP).trim(15);
    await cluster.run(50);
    expect(logOf(cluster, 1)?.firstIndex()).toBe(16);
    await cluster.restart(3);
    await cluster.runUntil(() => texts(3).length === 30, 10_000);
    expect(texts(3)).toEqual(texts(1));
    expect(logOf(cluster, 3)?.firstIndex()).toBe(16);
    cluster.kill(3);
    await cluster.restart(3);
    await cluster.runUntil(() => texts(3).length === 30, 10_000);
    expect(texts(3)).toEqual(texts(1));
  });
});

describe("entries that are no longer in memory", () => {
  it("are read from disk for a follower that was away, without a hole", async () => {
    const { cluster, machines } = await newGroup({
      tailCacheBytes: 64 * 1024,
      walFileBytes: 2 * 1024 * 1024,
      config: { appendBytesMax: 256 * 1024, inflightBytesMax: 512 * 1024 },
    });
    cluster.kill(3);
    const value = "x".repeat(100 * 1024);
    for (let i = 0; i < 40; i += 1) await cluster.propose(GROUP, bytes(`${i} ${value}`));
    await cluster.run(100);
    expect(typeof logOf(cluster, 1)?.entries(2, 10, 1)).toBe("string");
    await cluster.restart(3);
    await cluster.runUntil(() => machines.get(3)?.entries.length === 40, 20_000);
    const heads = (nodeId: number): unknown[] =>
      machines.get(nodeId)?.entries.map(({ index, text }) => [index, text.slice(0, 3)]) ?? [];
    expect(heads(3)).toEqual(heads(1));
    const fetches = cluster.nodeIds.map((nodeId) => cluster.lane(nodeId).stats.fetches);
    expect(Math.max(...fetches)).toBeGreaterThan(0);
  });
});

describe("a disk that fails", () => {
  it("ends all promises of its node, which says so once and hands its groups away", async () => {
    const { cluster } = await newGroup();
    const failures: string[] = [];
    cluster.lane(1).onFailure((error) => failures.push(error.message));
    const { fileSystem } = cluster.disk(1);
    fileSystem.fault = (operation, path) =>
      operation === "write" || operation === "sync" ? diskError("EIO", path) : undefined;
    const answers: (string | undefined)[] = [];
    cluster.group(1, GROUP).propose(bytes("lost"), undefined, (e) => answers.push(e?.code));
    await cluster.runUntil(() => [2, 3].includes(cluster.leaderNode(GROUP) ?? 0), 5_000);
    expect(answers).toEqual(["indeterminate"]);
    expect(failures).toHaveLength(1);
    expect(cluster.lane(1).failed?.message).toBe(failures[0]);
    await cluster.run(2_000);
    expect(cluster.group(1, GROUP).role).toBe("follower");
    expect(await cluster.propose(GROUP, bytes("goes on"))).toBeUndefined();
  });
});

async function newGroupOfKind(
  kind: "metadata" | "shard",
  config: NonNullable<LaneClusterOptions["config"]>,
) {
  const machines = new Map<number, RecordingMachine>();
  const cluster = await newCluster({
    config,
    createStateMachine: (nodeId) => {
      const machine = new RecordingMachine();
      machines.set(nodeId, machine);
      return machine;
    },
  });
  await cluster.createGroup(GROUP, { kind, preferred: 1 });
  await cluster.electAll([GROUP]);
  const texts = (nodeId: number): string[] =>
    machines.get(nodeId)?.entries.map((entry) => entry.text) ?? [];
  return { cluster, machines, texts };
}

describe("a node that must not lead", () => {
  it("loses its groups while its disk stalls", async () => {
    const { cluster } = await newGroup();
    cluster.disk(1).isStalled = true;
    const answers: (string | undefined)[] = [];
    cluster.group(1, GROUP).propose(bytes("stuck"), undefined, (e) => answers.push(e?.code));
    const tookMs = await cluster.runUntil(
      () => [2, 3].includes(cluster.leaderNode(GROUP) ?? 0),
      5_000,
    );
    expect(tookMs).toBeLessThan(2_500);
    cluster.disk(1).resume();
    await cluster.run(1_000);
    expect(await cluster.propose(GROUP, bytes("flows"))).toBeUndefined();
    expect(answers).toEqual(["indeterminate"]);
  });

  it("gives its groups away when its clock is wrong, and says by how much", async () => {
    const { cluster } = await newGroup();
    cluster.nodeClock(1).skewMs = 2_000;
    await cluster.runUntil(() => [2, 3].includes(cluster.leaderNode(GROUP) ?? 0), 5_000);
    expect(cluster.lane(1).mayLead).toBe(false);
    const line = cluster.logger.lines.find(({ message }) => message.includes("wall clock differs"));
    expect(line?.fields).toMatchObject({ nodeId: 1, boundMs: 500, nodes: 3 });
    cluster.nodeClock(1).skewMs = 0;
    await cluster.run(1_000);
    expect(cluster.lane(1).mayLead).toBe(true);
  });

  it("hands everything away when it is drained", async () => {
    const { cluster } = await newGroup();
    await cluster.propose(GROUP, bytes("a"));
    await cluster.until(cluster.lane(1).drain(5_000), 6_000);
    expect(cluster.lane(1).stats.leaders).toBe(0);
    await cluster.electAll([GROUP], 2_000);
    expect(cluster.leaderNode(GROUP)).not.toBe(1);
    expect(await cluster.propose(GROUP, bytes("b"))).toBeUndefined();
  });

  it("gives up draining after a second in which nothing moved", async () => {
    const { cluster } = await newGroup();
    cluster.disk(1).isStalled = true;
    cluster.group(1, GROUP).propose(bytes("a"), undefined, () => {});
    const startedMs = cluster.clock.monotonicMs();
    await cluster.until(cluster.lane(1).drain(8_000), 9_000);
    expect(cluster.clock.monotonicMs() - startedMs).toBeLessThanOrEqual(1_100);
    cluster.disk(1).resume();
  });

  it("keeps no state of a state machine that has thrown, which may hold half an entry (S2)", async () => {
    let isBroken = true;
    const machines = new Map<number, RecordingMachine>();
    const { cluster } = await newGroup({
      createStateMachine: (nodeId, group) => {
        const machine = new RecordingMachine();
        if (group.groupId === GROUP) machines.set(nodeId, machine);
        const apply = machine.apply.bind(machine);
        machine.apply = (entries) => {
          apply(entries);
          const isPoison = entries.some(({ data }) => Buffer.from(data).toString() === "poison");
          if (nodeId === 1 && isBroken && isPoison) throw new Error("half an entry");
        };
        return machine;
      },
    });
    await cluster.propose(GROUP, bytes("fine"));
    await cluster.propose(GROUP, bytes("poison"));
    await cluster.createGroup(3, { preferred: 1 });
    await cluster.electAll([3], 5_000);
    for (let i = 0; i < 20; i += 1) await cluster.propose(3, new Uint8Array(100_000)); // a new log file
    isBroken = false;
    cluster.kill(1);
    await cluster.restart(1);
    const applied = (nodeId: number): number => cluster.group(nodeId, GROUP).appliedIndex;
    await cluster.runUntil(() => applied(1) > 2 && applied(1) === applied(2), 10_000);
    expect(machines.get(1)?.entries.map(({ text }) => text)).toEqual(["fine", "poison"]);
  });

  it("stops one replica alone when its state machine fails, and refuses from then on", async () => {
    const cluster = await newCluster({
      createStateMachine: (nodeId, group) => {
        const machine = new RecordingMachine();
        if (nodeId !== 1 || group.groupId !== GROUP) return machine;
        machine.apply = () => {
          throw new Error("cannot apply");
        };
        return machine;
      },
    });
    for (const groupId of [GROUP, 3]) await cluster.createGroup(groupId, { preferred: 1 });
    await cluster.electAll([GROUP, 3]);
    const answer = await cluster.propose(GROUP, bytes("poison"));
    expect(answer).toMatchObject({ code: "indeterminate" }); // the others have committed it
    expect(cluster.group(1, GROUP).failed?.message).toContain("cannot apply");
    expect(cluster.group(1, GROUP).propose(bytes("x"), undefined, () => {})).toMatchObject({
      code: "unavailable",
    });
    expect(await cluster.propose(3, bytes("fine"))).toBeUndefined();
    await cluster.electAll([GROUP], 10_000); // the others go on without it
  });
});

describe("what is refused", () => {
  it("names the bound for proposals that are empty or too large", async () => {
    const { cluster } = await newGroup({ config: { proposalBytesMax: 100 } });
    const group = cluster.group(1, GROUP);
    for (const length of [0, 101]) {
      expect(group.propose(new Uint8Array(length), undefined, () => {})).toEqual(
        new StreamError("invalid-argument", `proposal has ${length} bytes, but must have 1..100`),
      );
    }
  });

  it("is what passes the bound of bytes that wait for a commit", async () => {
    const { cluster } = await newGroup({
      config: { proposalBytesMax: 100, uncommittedBytesMax: 250 },
    });
    const group = cluster.group(1, GROUP);
    const results = [1, 2, 3].map(() => group.propose(new Uint8Array(100), undefined, () => {}));
    expect(results.map((at) => (at instanceof StreamError ? at.code : "taken"))).toEqual([
      "taken",
      "taken",
      "overloaded",
    ]);
  });

  it("is a second replica of a group, and an order for another node", async () => {
    const { cluster } = await newGroup();
    const members = [1, 2, 3].map((nodeId) => ({ replicaId: GROUP * 10 + nodeId, nodeId }));
    const order = { groupId: GROUP, replicaId: 21, kind: "shard" as const, members };
    await expect(cluster.lane(1).createGroup(order)).rejects.toMatchObject({
      code: "already-exists",
    });
    await expect(
      cluster.lane(1).createGroup({ ...order, groupId: 9, replicaId: 22 }),
    ).rejects.toMatchObject({ code: "invalid-argument" });
  });

  it("is a frame of another incarnation, until the host confirms it", async () => {
    const { cluster } = await newGroup();
    cluster.kill(3);
    await cluster.run(10); // the others find nobody at its address
    cluster.replaceDisk(3);
    const strangers = (): number => cluster.lane(1).stats.strangeIncarnations;
    await cluster.restart(3, { confirm: false });
    await cluster.run(1_000);
    expect(strangers()).toBeGreaterThan(0);
    expect(cluster.lane(1).isNodeLive(3)).toBe(false);
    cluster.lane(1).setPeer(3, "node-3:1");
    const before = strangers();
    await cluster.run(1_000);
    expect(strangers()).toBe(before);
    expect(cluster.lane(1).isNodeLive(3)).toBe(true);
  });

  it("is counted when it is for a replica that is not here", async () => {
    const { cluster } = await newGroup();
    await cluster.lane(3).dropGroup(GROUP);
    expect(await cluster.propose(GROUP, bytes("x"))).toBeUndefined();
    await cluster.run(10);
    expect(cluster.lane(3).stats.messagesMisaddressed).toBeGreaterThan(0);
    expect(cluster.lane(3).group(GROUP)).toBeUndefined();
  });
});
