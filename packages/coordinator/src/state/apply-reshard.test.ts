import { HASH_KEY_MAX, MetadataView, parseSequenceNumber, SequenceNumbers } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { ACCOUNT, createCommand, formCommand, nodeRecord } from "../testing/samples.ts";
import type { Command, StartReshardCommand } from "./command.ts";
import { MetadataState } from "./metadata-state.ts";
import { decodeCommand, encodeCommand } from "./command.ts";
import type { Outcome } from "./outcome.ts";

const target = { account: ACCOUNT, streamName: "orders", streamId: "id-1" };
const MIDDLE = 1n << 127n;
const NOW = 1_700_000_200_000;

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
  get shards() {
    return this.state.view.shards("id-1");
  }
  shard(index: number) {
    const shard = this.state.view.shard("id-1", index);
    if (shard === undefined) throw new Error(`no shard ${index}`);
    return shard;
  }
  /** What each open shard owns, in order of ranges. */
  get owners() {
    return this.shards
      .filter(({ state }) => state === "open")
      .toSorted((a, b) => (a.range.startingHashKey < b.range.startingHashKey ? -1 : 1))
      .map(({ shardIndex, range }) => [shardIndex, range.startingHashKey, range.endingHashKey]);
  }

  /** Every replica of every shard in creation says that it is there; the first of each leads. */
  confirm(): void {
    for (const { groupId, state, replicas } of this.shards) {
      if (state !== "creating" && state !== "opening") continue;
      for (const [at, { replicaId, nodeId }] of replicas.entries()) {
        const said = { groupId, replicaId, state: "created" as const, leading: at === 0 };
        const of = { nodeId, incarnation: `disk-${nodeId}` };
        this.do({ kind: "report-replicas", ...of, replicas: [said] });
      }
    }
  }

  sealed(shardIndex: number, endOffset = 7, lastArrivalMs = NOW): Outcome {
    const { groupId, seal } = this.shard(shardIndex);
    const epoch = seal?.epoch ?? 0;
    return this.do({
      kind: "report-seal",
      groupId,
      epoch,
      endOffset,
      lastArrivalMs,
      nowMs: NOW + 5,
    });
  }
}

/** Shards 0 and 1, each with half of the ring, at epoch 2. */
function active(): Machine {
  const machine = new Machine();
  machine.do(formCommand(), createCommand());
  machine.confirm();
  machine.do({ kind: "activate-stream", ...target });
  return machine;
}

function start(changes: Partial<StartReshardCommand> = {}): StartReshardCommand {
  const placements = changes.parentShardIndexes?.length === 2 ? [[0, 1, 2]] : [[0, 1, 2], [1]];
  return {
    kind: "start-reshard",
    ...target,
    parentShardIndexes: [0],
    nowMs: NOW,
    brokers: [1, 2, 3].map((nodeId) => ({ nodeId, incarnation: `disk-${nodeId}` })),
    placements,
    ...changes,
  };
}

const sealParents: Command = { kind: "seal-parents", ...target };
const cancel: Command = { kind: "cancel-reshard", ...target, nowMs: NOW + 9 };

describe("splitting a shard", () => {
  it("orders two children that own nothing, and makes the stream UPDATING", () => {
    const machine = active();
    const before = machine.owners;
    expect(machine.do(start())).toBeUndefined();
    expect(machine.stream).toMatchObject({
      status: "UPDATING",
      reshard: { parentShardIndexes: [0], childShardIndexes: [2, 3], startedAtMs: NOW },
    });
    expect(machine.owners).toEqual(before);
    const children = machine.shards.slice(2).map((shard) => ({
      state: shard.state,
      epoch: shard.epoch,
      parent: shard.parentShardIndex,
      from: shard.range.startingHashKey,
      to: shard.range.endingHashKey,
      replicas: shard.replicas.map(({ nodeId }) => nodeId),
    }));
    const quarter = MIDDLE / 2n;
    expect(children).toEqual([
      { state: "opening", epoch: 1, parent: 0, from: 0n, to: quarter - 1n, replicas: [1, 2, 3] },
      { state: "opening", epoch: 1, parent: 0, from: quarter, to: MIDDLE - 1n, replicas: [2] },
    ]);
  });

  it("opens the children and closes the parent in one command, when the parent is sealed (S10)", () => {
    const machine = active();
    machine.do(start());
    expect(machine.do(sealParents)?.code).toBe("wrong-state"); // the children are not ready
    machine.confirm();
    expect(machine.shard(0).seal).toBeUndefined();
    expect(machine.do(sealParents)).toBeUndefined();
    expect(machine.shard(0)).toMatchObject({
      state: "open",
      epoch: 2,
      seal: { epoch: 3, childShardIndexes: [2, 3] },
    });
    expect(machine.sealed(0, 7, NOW + 50)).toBeUndefined();
    expect(machine.shards.map(({ state, epoch }) => [state, epoch])).toEqual([
      ["closed", 3],
      ["open", 2],
      ["open", 2],
      ["open", 2],
    ]);
    expect(machine.shard(0)).toMatchObject({ closedAtMs: NOW + 50, seal: { endOffset: 7 } });
    expect(machine.stream?.status).toBe("ACTIVE");
    expect(machine.stream).not.toHaveProperty("reshard");
    expect(machine.owners).toEqual([
      [2, 0n, MIDDLE / 2n - 1n],
      [3, MIDDLE / 2n, MIDDLE - 1n],
      [1, MIDDLE, HASH_KEY_MAX],
    ]);
    expect(machine.state.auxiliary.ledGroups.size).toBe(0);
  });

  it("takes a hash key strictly inside the shard, and a shard that was not split before", () => {
    const machine = active();
    const at = (key: bigint): string | undefined =>
      machine.do(start({ startingHashKey: key.toString() }))?.message;
    const refused = (key: bigint) =>
      `NewStartingHashKey ${key} used in SplitShard() on shard shardId-000000000000 in stream orders under ` +
      `account ${ACCOUNT} is not both greater than one plus the shard's StartingHashKey 0 and less than ` +
      `the shard's EndingHashKey ${MIDDLE - 1n}.`;
    for (const key of [0n, 1n, MIDDLE - 1n, MIDDLE, HASH_KEY_MAX]) {
      expect(at(key)).toBe(refused(key));
    }
    expect(at(2n)).toBeUndefined();
    machine.confirm();
    machine.do(sealParents);
    machine.sealed(0);
    expect(machine.do(start())?.message).toContain("has already been merged or split");
    expect(machine.do(start({ parentShardIndexes: [9] }))?.code).toBe("not-found");
  });

  it("is one at a time, of an ACTIVE stream, with disks that are there and a place for each child", () => {
    const machine = active();
    expect(machine.do(start({ streamId: "id-2" }))?.code).toBe("not-found");
    expect(machine.do(start({ placements: [[0]] }))?.code).toBe("unavailable");
    expect(machine.do(start({ brokers: [{ nodeId: 1, incarnation: "old" }] }))?.code).toBe(
      "unavailable",
    );
    machine.do(start());
    expect(machine.do(start({ parentShardIndexes: [1] }))?.message).toContain("in state UPDATING");
  });

  it("gives a child sequence numbers above all of its parents', whatever the clock says (S10)", () => {
    const machine = active();
    const newest = Math.max(...machine.shards.map(({ createdAtSec }) => createdAtSec));
    machine.do(start({ nowMs: 1_000 }));
    machine.confirm();
    machine.do(sealParents);
    machine.sealed(0);
    machine.do(start({ parentShardIndexes: [2], nowMs: 1_000 }));
    expect([machine.shard(2).createdAtSec, machine.shard(4).createdAtSec]).toEqual([
      newest + 1,
      newest + 2,
    ]);
    const { createdAtSec, shardIndex } = machine.shard(0);
    const last = new SequenceNumbers(createdAtSec, shardIndex).end(NOW * 2);
    const first = new SequenceNumbers(machine.shard(2).createdAtSec, 2).at(0, 0);
    expect(BigInt(first) > BigInt(last)).toBe(true);
    expect(parseSequenceNumber(first)?.shardIndex).toBe(2);
  });
});

describe("merging two shards", () => {
  it("takes neighbours in the order of their ranges, and seals both before the child opens (S10)", () => {
    const machine = active();
    expect(machine.do(start({ parentShardIndexes: [1, 0] }))?.message).toContain(
      "are not an adjacent pair of shards eligible for merging",
    );
    expect(machine.do(start({ parentShardIndexes: [0, 1] }))).toBeUndefined();
    machine.confirm();
    machine.do(sealParents);
    machine.sealed(1, 3);
    expect(machine.shards.map(({ state }) => state)).toEqual(["open", "open", "opening"]);
    expect(machine.sealed(1, 3)).toBeUndefined(); // told again
    machine.sealed(0, 5);
    expect(machine.shards.map(({ state }) => state)).toEqual(["closed", "closed", "open"]);
    expect(machine.shard(2)).toMatchObject({ parentShardIndex: 0, adjacentParentShardIndex: 1 });
    expect(machine.owners).toEqual([[2, 0n, HASH_KEY_MAX]]);
    expect(machine.shards.map(({ seal }) => seal?.endOffset)).toEqual([5, 3, undefined]);
  });
});

describe("a reshard that does not go its way", () => {
  it("is taken back before the seal was ordered, and leaves tombstones (S13)", () => {
    const machine = active();
    const before = machine.owners;
    expect(machine.do(cancel)).toEqual({
      code: "wrong-state",
      message: `No split or merge of stream orders under account ${ACCOUNT} is under way: it is ACTIVE`,
    });
    machine.do(start());
    const groups = machine.shards.slice(2).map(({ groupId }) => groupId);
    expect(machine.do(cancel)).toBeUndefined();
    expect(machine.stream?.status).toBe("ACTIVE");
    expect(machine.owners).toEqual(before);
    expect([...machine.state.tombstones.keys()]).toEqual(groups);
    // The indexes are free again, the groups are not.
    machine.do(start());
    expect(machine.shards.slice(2).map(({ groupId }) => groupId)).toEqual(
      groups.map((groupId) => groupId + 2),
    );
  });

  it("is not taken back once a parent may be sealed", () => {
    const machine = active();
    machine.do(start());
    machine.confirm();
    machine.do(sealParents);
    expect(machine.do(cancel)?.message).toContain("cannot be taken back any more");
    machine.sealed(0);
    expect(machine.stream?.status).toBe("ACTIVE");
  });

  it("changes nothing for commands that come twice, late, or with another epoch", () => {
    const machine = active();
    machine.do(start());
    machine.confirm();
    expect(machine.sealed(0)).toBeUndefined(); // not ordered: nothing can have been sealed
    machine.do(sealParents);
    const { groupId } = machine.shard(0);
    const wrong = {
      kind: "report-seal",
      groupId,
      endOffset: 1,
      lastArrivalMs: 1,
      nowMs: 1,
    } as const;
    expect(machine.do({ ...wrong, epoch: 9 })?.code).toBe("wrong-state");
    machine.sealed(0);
    const done = machine.state.view.snapshot();
    machine.do(sealParents, { ...wrong, epoch: 3 }, cancel);
    expect(machine.state.view.snapshot()).toEqual(done);
  });

  it("ends with the stream when that is deleted", () => {
    const machine = active();
    machine.do(start());
    machine.confirm();
    machine.do(sealParents, { kind: "delete-stream", ...target, nowMs: NOW });
    machine.sealed(0);
    expect(machine.stream).toMatchObject({ status: "DELETING" });
    expect(machine.stream).not.toHaveProperty("reshard");
    expect(machine.shards.map(({ state }) => state)).toEqual(Array(4).fill("deleting"));
    machine.do({ kind: "remove-stream", ...target, nowMs: NOW });
    expect(machine.state.tombstones.size).toBe(4);
  });

  it("counts replicas on a disk that was replaced as lost, so that their child does not open (S8)", () => {
    const machine = active();
    machine.do(start());
    machine.confirm();
    machine.do({ kind: "register-node", node: nodeRecord(2, { incarnation: "new-disk" }) });
    expect(machine.do(sealParents)?.code).toBe("wrong-state"); // the second child had node 2 alone
  });
});

describe("a closed shard", () => {
  it("goes when its records have expired, and only then (S13)", () => {
    const machine = active();
    machine.do(start());
    machine.confirm();
    machine.do(sealParents);
    machine.sealed(0);
    const { closedAtMs = 0, groupId } = machine.shard(0);
    const remove = (nowMs: number): Command => {
      return { kind: "remove-shards", ...target, shardIndexes: [0, 1, 2], nowMs };
    };
    const expiresAtMs = closedAtMs + 24 * 3_600_000;
    machine.do(remove(expiresAtMs - 1));
    expect(machine.shards.map(({ shardIndex }) => shardIndex)).toEqual([0, 1, 2, 3]);
    machine.do(remove(expiresAtMs));
    expect(machine.shards.map(({ shardIndex }) => shardIndex)).toEqual([1, 2, 3]);
    expect([...machine.state.tombstones.keys()]).toEqual([groupId]);
  });
});

describe("commands of a reshard", () => {
  it("come back from their bytes as they were", () => {
    const remove: Command = { kind: "remove-shards", ...target, shardIndexes: [0], nowMs: 1 };
    for (const command of [start(), sealParents, cancel, remove]) {
      expect(decodeCommand(encodeCommand(command, 0))).toEqual(command);
    }
  });
});
