import { StreamError } from "@millrace/base";
import { afterEach, describe, expect, it } from "vitest";

import type { GroupMember } from "./types.ts";
import { LaneCluster, RecordingMachine } from "./testing/index.ts";

const GROUP = 7;
const BORN = [71, 72, 73];

let cluster: LaneCluster;
afterEach(() => cluster.stop());

/** Asks whoever leads for the next step until the group has these voters. */
async function move(wanted: readonly GroupMember[]): Promise<void> {
  await cluster.runUntil(() => {
    const leader = cluster.leader(GROUP);
    return leader?.moveMembers(wanted).kind === "there";
  }, 60_000);
}

function member(replicaId: number, nodeId: number): GroupMember {
  return { replicaId, nodeId };
}

async function join(replicaId: number, nodeId: number, members: readonly GroupMember[]) {
  const init = { groupId: GROUP, replicaId, kind: "shard", members, voters: BORN } as const;
  await cluster.until(cluster.lane(nodeId).createGroup(init));
}

async function write(...texts: string[]): Promise<void> {
  for (const text of texts) {
    await cluster.runUntil(() => cluster.leader(GROUP) !== undefined);
    expect(await cluster.propose(GROUP, Buffer.from(text))).toBeUndefined();
  }
}

async function textsAt(nodeId: number): Promise<readonly string[]> {
  await cluster.runUntil(() => {
    const leader = cluster.leader(GROUP);
    return leader !== undefined && cluster.group(nodeId, GROUP).appliedIndex === leader.lastIndex;
  });
  return (machines.get(nodeId)?.entries ?? []).map(({ text }) => text);
}

const machines = new Map<number, RecordingMachine>();

async function start(nodes: number): Promise<void> {
  machines.clear();
  cluster = await LaneCluster.create({
    nodes,
    seed: 11,
    syncMs: 1,
    createStateMachine: (nodeId) => {
      const machine = new RecordingMachine();
      machines.set(nodeId, machine);
      return machine;
    },
  });
  await cluster.createGroup(GROUP, { nodes: [1, 2, 3], preferred: 1 });
  await write("a", "b");
}

describe("a change of the members of a group", () => {
  it("replaces a disk that was lost by a new replica on the same node", async () => {
    await start(3);
    cluster.kill(3);
    cluster.replaceDisk(3);
    await write("while it is away");
    await cluster.restart(3);
    const wanted = [member(71, 1), member(72, 2), member(79, 3)];
    await join(79, 3, [...wanted, member(73, 3)]);
    await move(wanted);
    expect(cluster.leader(GROUP)?.membership).toMatchObject({
      voters: [71, 72, 79],
      learners: [],
      isJoint: false,
    });
    expect(await textsAt(3)).toEqual(["a", "b", "while it is away"]);
    // The new replica counts: with it and one other the group goes on.
    cluster.kill(1);
    await write("by the new majority");
    expect(await textsAt(3)).toEqual(["a", "b", "while it is away", "by the new majority"]);
  });

  it("keeps the new members over a restart of all nodes", async () => {
    await start(4);
    const wanted = [member(71, 1), member(72, 2), member(74, 4)];
    await join(74, 4, [...wanted, member(73, 3)]);
    await move(wanted);
    await write("c");
    for (const nodeId of [1, 2, 3, 4]) cluster.kill(nodeId);
    for (const nodeId of [1, 2, 4]) await cluster.restart(nodeId);
    await write("d");
    expect(cluster.leader(GROUP)?.membership.voters).toEqual([71, 72, 74]);
    expect(await textsAt(4)).toEqual(["a", "b", "c", "d"]);
  });

  it("lets a leader that is not wanted hand over, and go", async () => {
    await start(4);
    expect(cluster.leaderNode(GROUP)).toBe(1);
    const wanted = [member(72, 2), member(73, 3), member(74, 4)];
    await join(74, 4, [...wanted, member(71, 1)]);
    await move(wanted);
    expect(cluster.leaderNode(GROUP)).not.toBe(1);
    await cluster.until(cluster.lane(1).dropGroup(GROUP));
    await write("c");
    expect(await textsAt(4)).toEqual(["a", "b", "c"]);
  });

  it("brings in a replica by a snapshot of before it joined", async () => {
    await start(4);
    await write("c", "d", "e");
    const leader = cluster.leader(GROUP);
    for (const nodeId of [1, 2, 3]) {
      const group = cluster.group(nodeId, GROUP);
      await cluster.runUntil(() => group.appliedIndex === leader?.lastIndex);
      group.trim(group.appliedIndex - 1);
    }
    await cluster.run(50);
    const wanted = [member(71, 1), member(72, 2), member(74, 4)];
    await join(74, 4, [...wanted, member(73, 3)]);
    await move(wanted);
    expect(await textsAt(4)).toEqual(["a", "b", "c", "d", "e"]);
    cluster.kill(4);
    await cluster.restart(4);
    await write("f");
    expect(await textsAt(4)).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("goes back when the former members are asked for", async () => {
    await start(4);
    const former = [member(71, 1), member(72, 2), member(73, 3)];
    // Node 4 has no replica, so the learner never catches up.
    const leader = cluster.leader(GROUP);
    expect(leader?.moveMembers([member(71, 1), member(72, 2), member(74, 4)]).kind).toBe("moving");
    await cluster.runUntil(() => leader?.membership.learners.length === 1);
    await move(former);
    expect(cluster.leader(GROUP)?.membership).toMatchObject({ voters: BORN, learners: [] });
  });

  it("is refused on a follower, in another term and without members", async () => {
    await start(3);
    const former = [member(71, 1), member(72, 2), member(73, 3)];
    const leader = cluster.leader(GROUP);
    const answers = [
      cluster.group(2, GROUP).moveMembers(former),
      leader?.moveMembers(former, (leader?.term ?? 0) + 1),
      leader?.moveMembers([]),
      leader?.moveMembers([member(71, 2)]),
    ];
    const codes = answers.map((answer) => answer?.kind === "refused" && answer.error.code);
    expect(codes).toEqual(["not-leader", "not-leader", "invalid-argument", "invalid-argument"]);
    expect(
      answers.every((answer) => answer?.kind !== "refused" || answer.error instanceof StreamError),
    ).toBe(true);
  });
});
