import { crc32 } from "node:zlib";

import { StreamError } from "@millrace/base";
import { afterEach, describe, expect, it } from "vitest";

import type { LaneClusterOptions } from "./testing/index.ts";
import { LaneCluster, RecordingMachine } from "./testing/index.ts";

const GROUP = 7;
const KIB = 1024;

let cluster: LaneCluster;
afterEach(() => cluster.stop());

async function start(options: LaneClusterOptions = {}): Promise<void> {
  cluster = await LaneCluster.create({ seed: 9, syncMs: 1, ...options });
  const nodes = Array.from({ length: options.nodes ?? 3 }, (_, at) => at + 1);
  await cluster.createGroup(GROUP, { nodes, preferred: 1 });
  await write(3);
}

async function write(entries: number, bytes = 100): Promise<void> {
  for (let i = 0; i < entries; i += 1) {
    await cluster.runUntil(() => cluster.leader(GROUP) !== undefined);
    const data = Buffer.alloc(bytes, `entry ${cluster.leader(GROUP)?.lastIndex} `);
    expect(await cluster.propose(GROUP, data)).toBeUndefined();
  }
}

const applied = (nodeId: number): number | undefined =>
  cluster.lane(nodeId).group(GROUP)?.appliedIndex;
const member = (replicaId: number, nodeId: number) => ({ replicaId, nodeId });

/** The log of a replica as text, read from memory or disk, once it has all. */
async function logAt(nodeId: number): Promise<readonly string[]> {
  await cluster.runUntil(() => applied(nodeId) === cluster.leader(GROUP)?.lastIndex);
  const { log, appliedIndex } = cluster.group(nodeId, GROUP);
  const found: string[] = [];
  for (let next = log.firstIndex(); next <= appliedIndex;) {
    const entries = await cluster.until(log.fetchEntries(next, appliedIndex + 1, 1024 * KIB));
    for (const { index, term, data } of entries) {
      found.push(`${index} ${term} ${data.length} ${crc32(data)}`);
    }
    next = (entries.at(-1)?.index ?? Infinity) + 1;
  }
  return found;
}

/** Puts node 3 back to a disk that lacks entries that it has acknowledged. */
async function putBack(): Promise<void> {
  cluster.kill(3, "none");
  const copy = cluster.copyDisk(3);
  await cluster.restart(3);
  await write(3);
  await cluster.runUntil(() => applied(3) === cluster.leader(GROUP)?.lastIndex);
  cluster.kill(3, "none");
  await cluster.putBackDisk(3, copy);
  await cluster.restart(3);
  await cluster.runUntil(() => cluster.lane(3).damaged().length > 0, 10_000);
}

describe("a replica whose disk was put back to an older copy", () => {
  it("finds out from its leader, and takes no part any more, over restarts too (D1, D2)", async () => {
    await start();
    await putBack();
    const [damaged] = cluster.lane(3).damaged();
    expect(damaged).toMatchObject({ groupId: GROUP, replicaId: 73 });
    expect(damaged?.reason).toMatch(/acknowledgement of entry \d+, the log here ends at \d+/);
    await cluster.run(100); // until the verdict is on disk
    cluster.kill(3);
    await cluster.restart(3);
    expect(cluster.lane(3).damaged()).toEqual([damaged]);
    expect(cluster.lane(3).group(GROUP)).toBeUndefined();
    // It neither votes nor acknowledges: without it and one other there is no quorum.
    cluster.kill(2);
    await cluster.run(5_000);
    expect(cluster.leader(GROUP)).toBeUndefined();
    await cluster.restart(2);
    await write(1);
  });

  it("is replaced where it is, by an order under another id, and only so (S8)", async () => {
    await start();
    await putBack();
    await cluster.run(100);
    const wanted = [member(71, 1), member(72, 2), member(79, 3)];
    const members = [...wanted, member(73, 3)];
    const order = { groupId: GROUP, kind: "shard", voters: [71, 72, 73], members } as const;
    const lane = cluster.lane(3);
    const again = cluster.until(lane.createGroup({ ...order, replicaId: 73 }));
    await expect(again).rejects.toMatchObject({ code: "already-exists" });
    await cluster.until(lane.createGroup({ ...order, replicaId: 79 }));
    expect(lane.damaged()).toEqual([]);
    await cluster.runUntil(() => cluster.leader(GROUP)?.moveMembers(wanted).kind === "there");
    await cluster.runUntil(() => applied(3) === cluster.leader(GROUP)?.lastIndex);
    expect(await logAt(3)).toEqual(await logAt(1));
    cluster.kill(2);
    await write(1); // the new one counts
  });

  it("is no reason to stop one that is new, or about to get a snapshot", async () => {
    await start({ nodes: 4, config: { shipAboveEntries: 5 } });
    await write(20);
    const members = [member(71, 1), member(72, 2), member(73, 3), member(79, 4)];
    const wanted = members.filter(({ replicaId }) => replicaId !== 74);
    // Node 4 is a member already: its replica goes, and a new one comes while heartbeats go on.
    await cluster.until(cluster.lane(4).dropGroup(GROUP));
    const order = { groupId: GROUP, replicaId: 79, kind: "shard", members } as const;
    await cluster.until(cluster.lane(4).createGroup({ ...order, voters: [71, 72, 73, 74] }));
    await cluster.runUntil(() => cluster.leader(GROUP)?.moveMembers(wanted).kind === "there");
    await cluster.runUntil(() => applied(4) === cluster.leader(GROUP)?.lastIndex);
    expect(cluster.lane(4).damaged()).toEqual([]);
  });
});

describe("a replica that stops because its state machine broke its contract", () => {
  it("is told of like a damaged one, and hands its leadership away at once", async () => {
    const broken = { isOn: false };
    await start({
      createStateMachine: (nodeId) => {
        const machine = new RecordingMachine();
        const apply = machine.apply.bind(machine);
        machine.apply = (entries) => {
          if (nodeId === 1 && broken.isOn) throw new Error("cannot apply");
          apply(entries);
        };
        return machine;
      },
    });
    expect(cluster.leaderNode(GROUP)).toBe(1);
    let told = 0;
    cluster.lane(1).onDamaged(() => (told += 1));
    broken.isOn = true;
    void cluster.propose(GROUP, Buffer.from("poison"));
    await cluster.runUntil(() => cluster.lane(1).damaged().length > 0);
    expect(cluster.lane(1).damaged()[0]?.reason).toContain("cannot apply");
    // Sooner than an election timeout.
    const tookMs = await cluster.runUntil(() => cluster.leader(GROUP) !== undefined, 500);
    expect([tookMs < 500, told]).toEqual([true, 1]);
    // Its successor is made in its place.
    broken.isOn = false;
    const members = [member(78, 1), member(72, 2), member(73, 3)];
    const order = { groupId: GROUP, replicaId: 78, kind: "shard", voters: [71, 72, 73] } as const;
    await cluster.until(cluster.lane(1).createGroup({ ...order, members }));
    await cluster.runUntil(() => cluster.leader(GROUP)?.moveMembers(members).kind === "there");
    await cluster.runUntil(() => applied(1) === cluster.leader(GROUP)?.lastIndex);
    expect(await logAt(1)).toEqual(await logAt(2));
  });
});

describe("entries that are damaged on disk", () => {
  /** Flips a bit of the log's oldest segment on a node that has no entry of it in memory. */
  async function startDamaged(nodeId: number, nodes = 3): Promise<void> {
    await start({ nodes, tailCacheBytes: 0 });
    await write(60, 40_000); // more than one WAL file: the first entries are in segments
    await cluster.run(200);
    const { fileSystem } = cluster.disk(nodeId);
    const segment = fileSystem.paths().find((path) => path.includes("/segments/"));
    if (segment === undefined) throw new Error("nothing was flushed");
    fileSystem.flipBit(segment, 64 + 32 + 1_000, 3);
  }

  it("are fetched from another replica, and a reader is told to come again meanwhile", async () => {
    await startDamaged(2);
    const read = (): Promise<unknown> =>
      cluster.until(cluster.group(2, GROUP).log.fetchEntries(1, 10, 1024 * KIB));
    await expect(read()).rejects.toMatchObject({ code: "unavailable" });
    expect(cluster.lane(2).damaged()).toEqual([]);
    await cluster.runUntil(() => cluster.lane(2).stats.extentsRepaired > 0);
    await cluster.run(10);
    expect(await logAt(2)).toEqual(await logAt(1));
    cluster.kill(2);
    await cluster.restart(2);
    expect(await logAt(2)).toEqual(await logAt(1));
  });

  it("cost a leader its leadership, but not the group its log (E2)", async () => {
    await startDamaged(1);
    expect(cluster.leaderNode(GROUP)).toBe(1);
    const { log } = cluster.group(1, GROUP);
    await expect(cluster.until(log.fetchEntries(1, 10, 1024 * KIB))).rejects.toMatchObject({
      code: "unavailable",
    });
    await cluster.runUntil(() => (cluster.leaderNode(GROUP) ?? 1) !== 1, 2_000);
    await cluster.runUntil(() => cluster.lane(1).stats.extentsRepaired > 0);
    expect(await logAt(1)).toEqual(await logAt(2));
  });

  it("are found by a pass over all files, and mended before anybody reads them", async () => {
    await startDamaged(3);
    const report = await cluster.until(cluster.lane(3).scrub(), 60_000);
    expect(report).toMatchObject({ complete: true, damagedExtents: 1 });
    await cluster.runUntil(() => cluster.lane(3).stats.extentsRepaired > 0);
    expect(await cluster.until(cluster.lane(3).scrub(), 60_000)).toMatchObject({
      damagedExtents: 0,
    });
    expect(await logAt(3)).toEqual(await logAt(1));
  });

  it("stay an error, and say so, where no other replica is", async () => {
    await startDamaged(1, 1);
    const { log } = cluster.group(1, GROUP);
    for (let i = 0; i < 2; i += 1) {
      const answer = await cluster.until(
        log.fetchEntries(1, 10, 1024 * KIB).catch((error: unknown) => error),
      );
      expect(answer).toBeInstanceOf(StreamError);
      expect(answer).toMatchObject({ code: "corrupt" });
      expect(String(answer)).toContain("no other replica");
      await cluster.run(1_000);
    }
    expect(cluster.lane(1).stats.extentsRepaired).toBe(0);
    await write(1); // the group itself goes on
  });
});
