import { crc32 } from "node:zlib";

import { afterEach, describe, expect, it } from "vitest";

import type { LaneConfig } from "./config.ts";
import type { GroupMember } from "./types.ts";
import { LaneCluster, RecordingMachine } from "./testing/index.ts";

const GROUP = 7;
const BORN = [71, 72, 73];
const NEW = 74;
const KIB = 1024;

let cluster: LaneCluster;
afterEach(() => cluster.stop());

const machines = new Map<number, RecordingMachine>();

/** Three nodes with a log of `entries` entries of `bytes` bytes, led by node 1, and a fourth without. */
async function start(config: Partial<LaneConfig>, entries = 60, bytes = 40_000): Promise<void> {
  machines.clear();
  cluster = await LaneCluster.create({
    nodes: 4,
    seed: 5,
    syncMs: 1,
    config: { shipAboveEntries: 20, ...config },
    createStateMachine: (nodeId) => {
      const machine = new RecordingMachine();
      machines.set(nodeId, machine);
      return machine;
    },
  });
  await cluster.createGroup(GROUP, { nodes: [1, 2, 3], preferred: 1 });
  await write(entries, bytes);
}

async function write(entries: number, bytes = 40_000): Promise<void> {
  for (let i = 0; i < entries; i += 1) {
    await cluster.runUntil(() => cluster.leader(GROUP) !== undefined);
    const data = Buffer.alloc(bytes, `entry ${cluster.leader(GROUP)?.lastIndex} `);
    expect(await cluster.propose(GROUP, data)).toBeUndefined();
  }
}

const member = (replicaId: number, nodeId: number): GroupMember => ({ replicaId, nodeId });
const WANTED = [member(71, 1), member(72, 2), member(NEW, 4)];

/** Makes replica 74 on node 4 and asks for it in the place of 73. */
async function join(): Promise<void> {
  const members = [...WANTED, member(73, 3)];
  const init = { groupId: GROUP, replicaId: NEW, kind: "shard", members, voters: BORN } as const;
  await cluster.until(cluster.lane(4).createGroup(init));
  cluster.leader(GROUP)?.moveMembers(WANTED);
}

async function settle(): Promise<void> {
  await cluster.runUntil(() => cluster.leader(GROUP)?.moveMembers(WANTED).kind === "there", 90_000);
  await cluster.runUntil(
    () => cluster.group(4, GROUP).appliedIndex === cluster.leader(GROUP)?.lastIndex,
  );
}

const shipped = (): number => cluster.lane(4).stats.shipBytesReceived;
const shippedBy = (nodeId: number): number => cluster.lane(nodeId).stats.shipBytesSent;

/** The log of a replica, entry by entry. */
async function logAt(nodeId: number) {
  const { log, appliedIndex } = cluster.group(nodeId, GROUP);
  const found: string[] = [];
  for (let next = log.firstIndex(); next <= appliedIndex;) {
    const entries = await cluster.until(log.fetchEntries(next, appliedIndex + 1, 1024 * KIB));
    for (const { index, term, type, data } of entries) {
      found.push(`${index} ${term} ${type} ${data.length} ${crc32(data)}`);
    }
    next = (entries.at(-1)?.index ?? Infinity) + 1;
  }
  return found;
}

/** Node 4 holds, byte for byte, what the leader's log has from the same entry on. */
async function expectSameLog(firstIndex = 1): Promise<void> {
  const leader = cluster.leaderNode(GROUP) ?? 0;
  const [theirs, ours] = [await logAt(leader), await logAt(4)];
  expect(ours).toEqual(theirs.slice(theirs.length - ours.length));
  expect(cluster.group(4, GROUP).log.firstIndex()).toBe(firstIndex);
  expect(machines.get(4)?.entries).toEqual(machines.get(leader)?.entries);
}

const SLOW = { shipBytesPerSecond: 400 * KIB };

describe("a replica that begins empty", () => {
  it("gets its log as files from a follower, and the rest from its leader (U1, U2)", async () => {
    await start({});
    await join();
    await settle();
    await expectSameLog();
    const { logsShipped, shipmentsFailed } = cluster.lane(4).stats;
    expect([logsShipped, shipmentsFailed, shippedBy(1)]).toEqual([1, 0, 0]);
    expect(shipped()).toBeGreaterThan(60 * 40_000);
    // It is whole after a restart, too.
    cluster.kill(4);
    await cluster.restart(4);
    await write(3);
    await settle();
    await expectSameLog();
  });

  it("gets a short log by appends", async () => {
    await start({}, 10);
    await join();
    await settle();
    await expectSameLog();
    expect([shipped(), cluster.lane(4).stats.snapshotsReceived]).toEqual([0, 0]);
  });

  it("goes on with another source when one dies, and from the leader when nobody else is left", async () => {
    await start(SLOW);
    await join();
    await cluster.runUntil(() => shipped() > 400 * KIB);
    const source = shippedBy(2) > 0 ? 2 : 3;
    cluster.kill(source);
    await settle();
    await expectSameLog();
    expect(shippedBy(1) + shippedBy(source === 2 ? 3 : 2)).toBeGreaterThan(0);
    expect(cluster.lane(4).stats.logsShipped).toBe(1);
  });

  it("keeps what has come when its leader changes midway, and takes the new leader's word for it (U3)", async () => {
    await start(SLOW);
    await join();
    await cluster.runUntil(() => shipped() > 800 * KIB);
    const before = shipped();
    cluster.kill(1);
    await cluster.electAll([GROUP]);
    await write(2, 100);
    await cluster.restart(1);
    await settle();
    await expectSameLog();
    // The second state that came did not begin anew.
    expect(cluster.lane(4).stats.logsShipped).toBe(1);
    expect(before).toBeGreaterThan(800 * KIB);
    expect(shipped()).toBeLessThan(1.2 * 64 * 40_000);
  });

  it("goes on after its own restart with what is on its disk", async () => {
    await start(SLOW);
    await join();
    await cluster.runUntil(() => shipped() > 1200 * KIB);
    cluster.kill(4, "none"); // a power cut may take what is not synced yet
    await cluster.restart(4);
    await settle();
    await expectSameLog();
    const { shipmentsResumed, logsShipped } = cluster.lane(4).stats;
    expect([shipmentsResumed, logsShipped]).toEqual([1, 1]);
    expect(shipped()).toBeLessThan(1800 * KIB);
  });

  it("begins later when retention drops what it was about to get", async () => {
    await start(SLOW);
    await join();
    await cluster.runUntil(() => shipped() > 400 * KIB);
    for (const nodeId of [1, 2, 3]) cluster.group(nodeId, GROUP).trim(50);
    await settle();
    await expectSameLog(51);
    expect(cluster.lane(4).stats.logsShipped).toBe(1);
  });

  it("takes one snapshot only, however long its log is under way", async () => {
    await start({ shipBytesPerSecond: 100 * KIB, snapshotTimeoutMs: 3_000 });
    await join();
    await settle();
    await expectSameLog();
    expect(cluster.lane(4).stats.snapshotsReceived).toBe(1);
  });

  it("is never a hole: a state without its log is not taken over while somebody has the log (U1)", async () => {
    await start({ shipAboveEntries: 1_000_000 });
    const all = cluster.group(1, GROUP).appliedIndex;
    // The leader alone has shortened its log, so it can only send its state.
    cluster.group(1, GROUP).trim(all - 1);
    await cluster.run(50);
    await join();
    await settle();
    expect(cluster.group(4, GROUP).log.firstIndex()).toBe(1);
    expect(cluster.lane(4).stats.logsShipped).toBe(1);
  });

  it("is received two at a time and served two at a time", async () => {
    await start(SLOW, 1);
    const groups = [11, 12, 13, 14];
    for (const groupId of groups) {
      await cluster.createGroup(groupId, { nodes: [1, 2, 3], preferred: 1 });
      await cluster.electAll([groupId]);
      for (let i = 0; i < 30; i += 1) await cluster.propose(groupId, Buffer.alloc(20_000, i));
    }
    const wanted = (groupId: number) =>
      [1, 2, 4].map((nodeId) => member(groupId * 10 + nodeId, nodeId));
    for (const groupId of groups) {
      const voters = [1, 2, 3].map((nodeId) => groupId * 10 + nodeId);
      const members = [...wanted(groupId), member(groupId * 10 + 3, 3)];
      const replicaId = groupId * 10 + 4;
      const init = { groupId, replicaId, kind: "shard", members, voters } as const;
      await cluster.until(cluster.lane(4).createGroup(init));
    }
    let most = 0;
    await cluster.runUntil(() => {
      most = Math.max(most, ...[1, 2, 3, 4].map((node) => cluster.lane(node).stats.shipments));
      const areThere = groups.map((groupId) => {
        const leader = cluster.leader(groupId);
        if (leader?.moveMembers(wanted(groupId)).kind !== "there") return false;
        return cluster.group(4, groupId).appliedIndex === leader.lastIndex;
      });
      return areThere.every(Boolean);
    }, 120_000);
    expect(most).toBe(2);
    expect(cluster.lane(4).stats.logsShipped).toBe(4);
  });
});
