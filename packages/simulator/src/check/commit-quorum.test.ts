import type { Group } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import { CommitQuorum } from "./commit-quorum.ts";
import { DiskPromises, DurableReplica } from "./disk-promises.ts";

const NODES = [1, 2, 3];

/** What is said when an entry of term 2 at index 1 is applied while so many nodes hold it. */
function appliedWith(
  holders: readonly number[],
  voters: readonly number[],
  ofLeader?: readonly number[],
) {
  const broken: string[] = [];
  const replicas = new Map(NODES.map((nodeId) => [nodeId, new DurableReplica(10 + nodeId)]));
  const entries = [{ index: 1, term: 2, type: "EntryNormal", data: new Uint8Array(1) }] as const;
  const group = { groupId: 7, membership: { voters, isJoint: false } } as unknown as Group;
  for (const nodeId of holders) {
    replicas.get(nodeId)?.take({ group: {} as never, entries });
  }
  const disks = new DiskPromises({
    broken: () => {},
    isRotten: () => false,
    hasForgotten: () => false,
    appliedTerm: () => undefined,
    newestApplied: () => 0,
    isDropOrdered: () => true,
  });
  disks.replica = (nodeId) => replicas.get(nodeId);
  const quorum = new CommitQuorum(disks, NODES, (sentence) => void broken.push(sentence));
  if (ofLeader !== undefined) {
    const membership = { voters: ofLeader, isJoint: false };
    quorum.leads({ groupId: 7, membership } as unknown as Group, 2);
  }
  quorum.applied(1, group, { index: 1, term: 2, data: new Uint8Array(1) });
  return broken;
}

describe("the holders of an entry that is applied (O11)", () => {
  it("are a majority of the voters", () => {
    expect(appliedWith([1, 3], [11, 12, 13])).toEqual([]);
  });

  it("are too few when they are half or less", () => {
    expect(appliedWith([3], [11, 12, 13])).toEqual([
      "O11: node 1 applied entry 1 of term 2 of group 7, which only nodes 3 of 3 voters hold",
    ]);
  });

  it("may be a majority of the voters as the leader knows them, who applies a change last", () => {
    expect(appliedWith([1, 3], [12, 13, 14], [11, 12, 13])).toEqual([]);
    expect(appliedWith([1, 3], [12, 13, 14], [12, 13, 14])).toEqual([
      "O11: node 1 applied entry 1 of term 2 of group 7, which only nodes 3 of 3 voters hold",
    ]);
  });

  it("do not count when they are no voters", () => {
    expect(appliedWith([1, 3], [11, 12])).toEqual([
      "O11: node 1 applied entry 1 of term 2 of group 7, which only nodes 1 of 2 voters hold",
    ]);
  });

  it("are a majority of the voters that go, too, in a joint configuration", () => {
    const joint = (holders: readonly number[], isLed = false) => {
      const broken: string[] = [];
      const replicas = new Map(
        [1, 2, 3, 4].map((nodeId) => [nodeId, new DurableReplica(10 + nodeId)]),
      );
      const entry = { index: 2, term: 2, type: "EntryNormal", data: new Uint8Array(1) } as const;
      for (const nodeId of holders) {
        replicas
          .get(nodeId)
          ?.take({ group: {} as never, entries: [{ ...entry, index: 1 }, entry] });
      }
      const disks = {
        replica: (nodeId: number) => replicas.get(nodeId),
      } as unknown as DiskPromises;
      const quorum = new CommitQuorum(disks, [1, 2, 3, 4], (said) => void broken.push(said));
      const membership = { voters: [11, 12, 13], isJoint: false, confIndex: 0 };
      const group = { groupId: 7, membership };
      quorum.applied(1, group as unknown as Group, { ...entry, index: 1 });
      broken.length = 0;
      group.membership = { voters: [11, 12, 14], isJoint: true, confIndex: 1 };
      if (isLed) quorum.leads(group as unknown as Group, 2);
      quorum.applied(1, group as unknown as Group, entry);
      return broken;
    };
    expect(joint([1, 2])).toEqual([]);
    // A leader that applies the change and what it had committed behind it at once.
    expect(joint([1, 3], true)).toEqual([]);
    expect(joint([1, 4], true)).toHaveLength(1);
    expect(joint([1, 4])).toEqual([
      "O11: node 1 applied entry 2 of term 2 of group 7, which only nodes 1, 4 of 3 voters hold",
    ]);
  });
});
