import { commandEntry, writeRecordsHeader } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { PRODUCER_IDLE_MS } from "../bounds.ts";
import { encodeBatch } from "../testing/fixtures.ts";
import type { ShardCommand } from "./shard-commands.ts";
import { decodeCommand, encodeCommand } from "./shard-commands.ts";
import { ShardState } from "./shard-state.ts";

const records = (baseOffset: number, arrivalMs: number, count = 1, claimed = count) => {
  const batch = encodeBatch(
    Array.from({ length: count }, () => "r"),
    { id: 1, sequence: baseOffset },
  );
  const data = new Uint8Array(32 + batch.byteLength);
  writeRecordsHeader(data, { count: claimed, baseOffset, arrivalMs, batchCount: 1 });
  data.set(batch, 32);
  return data;
};
const encodeAnonymous = (baseOffset: number, arrivalMs: number) => {
  const batch = encodeBatch(["r"]);
  const data = new Uint8Array(32 + batch.byteLength);
  writeRecordsHeader(data, { count: 1, baseOffset, arrivalMs, batchCount: 1 });
  data.set(batch, 32);
  return data;
};
const command = (what: ShardCommand) => encodeCommand(what, { baseOffset: 0, arrivalMs: 0 });
const trim = (offset: number, throughIndex: number) =>
  command({ kind: "trim", offset, throughIndex, cutoffMs: 50, arrivalFloorMs: 40 });

const applied = (...entries: readonly Uint8Array[]) => {
  const state = new ShardState();
  entries.forEach((data, index) => state.apply(index + 1, data));
  return state;
};

describe("the state of a shard", () => {
  it("grows by the records of each entry", () => {
    const state = applied(records(0, 10, 3), records(3, 10, 2));
    expect([state.nextOffset, state.lastArrivalMs]).toEqual([5, 10]);
  });

  it.each([
    ["E1: a gap", () => applied(records(0, 10), records(2, 10))],
    ["E1: an overlap", () => applied(records(0, 10), records(0, 10))],
    ["E1: a count that the batches do not have", () => applied(records(0, 10, 2, 3))],
    ["E2: time going back", () => applied(records(0, 10), records(1, 9))],
    ["S9: a trim beyond the end", () => applied(records(0, 10), trim(2, 1))],
    ["S9: a trim going back", () => applied(records(0, 10), trim(1, 1), trim(0, 2))],
    ["a trim of entries that stand behind it", () => applied(records(0, 10), trim(1, 2))],
  ])("stops at %s", (_, break_) => {
    expect(break_).toThrow(/\(|stands before/);
  });

  it("stops at a command of a later version rather than skip it", () => {
    const at = { baseOffset: 0, arrivalMs: 0 };
    expect(() => applied(commandEntry(9, new Uint8Array(64), at))).toThrow("shard command 9");
    expect(() => applied(commandEntry(1, new Uint8Array(40).fill(2, 0, 1), at))).toThrow(
      "version 2, known is 1",
    );
    expect(() => applied(commandEntry(2, new Uint8Array(8), at))).toThrow("8 bytes, not 24");
  });

  it("counts nothing of what stands behind its seal, alike on every replica (S10)", () => {
    const seal = command({ kind: "seal", epoch: 2, childShardIndexes: [1, 2] });
    const state = applied(records(0, 10), seal);
    const sealed = state.snapshot();
    // Also one that would break E1 or E2: it is no part of the shard.
    const behind = [records(1, 10), records(9, 5, 3), seal];
    const effects = behind.map((data, at) => state.apply(3 + at, data));
    expect(effects).toEqual(["refused", "refused", "nothing"]);
    expect(state.snapshot()).toEqual(sealed);
    expect([2, 3].map((index) => state.isBehindSeal(index))).toEqual([false, true]);
  });

  it("reads the snapshots of the version before, which knew no children", () => {
    const now = applied(records(0, 10), records(1, 20)).snapshot();
    const before = Buffer.concat([now.subarray(0, 64), now.subarray(72)]);
    before[0] = 1;
    const state = new ShardState();
    state.restore(before);
    expect(state.snapshot()).toEqual(now);
  });

  it("forgets a producer by the arrival times in the log, whatever the clock says (D2)", () => {
    const idle = PRODUCER_IDLE_MS;
    const state = applied(records(0, 10), records(1, 10 + idle));
    expect(state.dedup.find(1n, 0)).toBeDefined();
    const quiet = applied(records(0, 10), encodeAnonymous(1, 11 + idle));
    expect(quiet.dedup.size).toBe(0);
  });

  it("is the same bytes before and after a restart", () => {
    const state = applied(records(0, 10), records(1, 20), trim(1, 1), records(2, 30));
    const restored = new ShardState();
    restored.restore(state.snapshot());
    expect(restored.snapshot()).toEqual(state.snapshot());
    expect(restored).toMatchObject({ nextOffset: 3, lastArrivalMs: 30, trimOffset: 1 });
    expect(restored.dedup.find(1n, 2)).toEqual({
      sequence: 2,
      baseOffset: 2,
      count: 1,
      arrivalMs: 30,
    });
    expect(restored.dedup.find(1n, 0)).toBeUndefined();
  });

  it("refuses a snapshot that is cut off or of a later version", () => {
    const bytes = applied(records(0, 10)).snapshot();
    const cuts = [1, 40, 72, 78, bytes.length - 1].map((length) => bytes.subarray(0, length));
    for (const cut of cuts.slice(0, 2).concat(cuts.slice(2))) {
      expect(() => new ShardState().restore(cut)).toThrow("but at least");
    }
    const later = bytes.slice();
    later[0] = 3;
    expect(() => new ShardState().restore(later)).toThrow("version 3, known is 2");
  });

  it("remembers a seal across a trim on either side of it (T1)", () => {
    const seal = command({ kind: "seal", epoch: 5, childShardIndexes: [7, 9] });
    const before = applied(records(0, 10), records(1, 20), seal, trim(1, 1));
    const after = applied(records(0, 10), records(1, 20), seal, trim(2, 3));
    const from = (state: ShardState) => {
      const follower = new ShardState();
      follower.restore(state.trimSnapshot(state.trimIndex));
      const { sealed, epoch, nextOffset, childShardIndexes } = follower;
      return [sealed, epoch, nextOffset, childShardIndexes];
    };
    expect([from(before), from(after)]).toEqual([
      [false, 0, 1, []],
      [true, 5, 2, [7, 9]],
    ]);
  });

  it("has no state for any other index than the trim point", () => {
    expect(() => applied(records(0, 10), trim(1, 1)).trimSnapshot(2)).toThrow("trim point is 1");
  });

  it("writes commands as FORMAT draws them", () => {
    const entry = trim(7, 9);
    expect(decodeCommand(1, entry.subarray(32))).toEqual({
      kind: "trim",
      offset: 7,
      throughIndex: 9,
      cutoffMs: 50,
      arrivalFloorMs: 40,
    });
    expect(Buffer.from(entry.subarray(32)).toString("hex")).toBe(
      "01000000000000000700000000000000090000000000000032000000000000002800000000000000",
    );
    const seal = { kind: "seal", epoch: 5, childShardIndexes: [258, 3] } as const;
    const body = command(seal).subarray(32);
    expect(Buffer.from(body).toString("hex")).toBe(
      "010200000000000005000000000000000201000003000000",
    );
    expect(decodeCommand(2, body)).toEqual(seal);
    body[1] = 3;
    expect(() => decodeCommand(2, body)).toThrow("3 children");
  });
});
