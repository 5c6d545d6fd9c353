import { StreamError } from "@millrace/base";
import { describe, expect, it } from "vitest";

import { clockAheadOfMedian } from "./clock-check.ts";
import { resolveLaneConfig } from "./config.ts";
import { decodeDescription, encodeDescription, kindOfTag } from "./members.ts";
import { Peers } from "./peers.ts";
import { Proposals } from "./proposals.ts";
import { ReadBarrier } from "./read-barrier.ts";
import { SnapshotAssembly } from "./snapshot-assembly.ts";

describe("the clock against the median of the live nodes", () => {
  it.each([
    [[], undefined],
    [[900], undefined],
    [[0, 0], 0],
    [[-2_000, -2_001], 2_000],
    [[2_000, 0], 0],
    [[700, 700, 0], -350],
    [[1_000, 900, 800, 0], -800],
  ])("with peers ahead by %j is ahead by %s", (offsets, ahead) => {
    expect(clockAheadOfMedian(offsets)).toBe(ahead);
  });
});

describe("a lane's settings", () => {
  it("are refused with their name, value and bound", () => {
    expect(() => resolveLaneConfig({ tickMs: 5 })).toThrow(
      new StreamError("invalid-argument", "tickMs is 5, but must be in 10..10000"),
    );
    expect(() => resolveLaneConfig({ electionTicks: 2 })).toThrow("electionTicks is 2");
  });
});

describe("the description of a group", () => {
  const description = {
    members: [
      { replicaId: 2 ** 50, nodeId: 65_535 },
      { replicaId: 22, nodeId: 2 },
    ],
    preferredLeader: true,
  };

  it("has these bytes, for ever", () => {
    const bytes = encodeDescription(description);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "0101020000000000000400ffff16000000000000000200",
    );
    expect(decodeDescription(bytes)).toEqual(description);
  });

  it("is refused when it is of another version or length", () => {
    const bytes = encodeDescription(description);
    expect(() => decodeDescription(bytes.subarray(0, -1))).toThrow("22 bytes for 2 members");
    const newer = Uint8Array.from(bytes);
    newer[0] = 2;
    expect(() => decodeDescription(newer)).toThrow("version 2, not 1");
    expect(() => kindOfTag(9)).toThrow("group kind 9");
  });
});

describe("proposals that wait", () => {
  const superseded = (): StreamError => new StreamError("unavailable", "superseded");

  it("are answered once, in order, by the term that took their place", () => {
    const proposals = new Proposals();
    const answers: string[] = [];
    const done = (name: string) => (error: StreamError | undefined) =>
      answers.push(`${name} ${error?.code ?? "ok"}`);
    proposals.add(5, 2, 10, done("a"));
    proposals.add(6, 2, 20, done("b"));
    proposals.add(7, 2, 30, done("c"));
    proposals.applied(6, (index) => (index === 5 ? 2 : 3), superseded);
    expect([answers, proposals.count, proposals.bytes]).toEqual([["a ok", "b unavailable"], 1, 30]);
    proposals.failAll(new StreamError("indeterminate", "deposed"));
    proposals.failAll(new StreamError("indeterminate", "again"));
    proposals.applied(7, () => 2, superseded);
    expect(answers).toEqual(["a ok", "b unavailable", "c indeterminate"]);
  });
});

describe("reads that wait", () => {
  function ask(barrier: ReadBarrier, nowMs: number): Uint8Array {
    let asked: Uint8Array | undefined;
    barrier.askAll(nowMs, (context) => (asked = context));
    if (asked === undefined) throw new Error("nothing was asked");
    return asked;
  }

  it("share a round and are answered once it is applied", () => {
    const barrier = new ReadBarrier(3, 10);
    const answers: unknown[] = [];
    barrier.add((answer) => answers.push(answer), 1_000);
    barrier.add((answer) => answers.push(answer), 1_000);
    const context = ask(barrier, 0);
    barrier.confirmed(7, context);
    barrier.applied(6);
    expect(answers).toEqual([]);
    barrier.applied(8);
    expect([answers, barrier.isIdle]).toEqual([[8, 8], true]);
  });

  it("are never answered by the answer to a question of an earlier process", () => {
    const answers: unknown[] = [];
    const before = new ReadBarrier(3, 10);
    before.add(() => {}, 1_000);
    const stale = ask(before, 0);
    const barrier = new ReadBarrier(4, 10);
    barrier.add((answer) => answers.push(answer), 1_000);
    ask(barrier, 0);
    barrier.confirmed(1, stale);
    barrier.applied(5);
    expect(answers).toEqual([]);
  });

  it("are asked again after a while, given up at their deadline, and bounded in number", () => {
    const barrier = new ReadBarrier(3, 2);
    const answers: string[] = [];
    const note = (answer: number | StreamError): void => {
      answers.push(answer instanceof StreamError ? answer.code : String(answer));
    };
    barrier.add(note, 1_000);
    const first = ask(barrier, 0);
    barrier.check(500, 100);
    const second = ask(barrier, 500);
    barrier.confirmed(4, first);
    barrier.applied(9);
    expect([answers, Buffer.from(first).equals(second)]).toEqual([[], false]);
    barrier.add(note, 2_000);
    barrier.add(note, 2_000);
    expect(answers).toEqual(["overloaded"]);
    barrier.check(1_000, 600);
    expect(answers).toEqual(["overloaded", "unavailable"]);
  });
});

describe("pieces of a snapshot", () => {
  const part = (transferId: number, offset: number, data: string, totalBytes = 6) => ({
    groupId: 2,
    to: 21,
    from: 22,
    transferId,
    offset,
    totalBytes,
    data: Buffer.from(data),
  });

  it("become the whole, once", () => {
    const assembly = new SnapshotAssembly(100);
    expect([assembly.add(1, part(1, 0, "abc"), 0), assembly.add(1, part(1, 3, "def"), 0)]).toEqual([
      true,
      true,
    ]);
    expect(Buffer.from(assembly.take(1, 2, 21, 1) ?? []).toString()).toBe("abcdef");
    expect([assembly.take(1, 2, 21, 1), assembly.bytes]).toEqual([undefined, 0]);
  });

  it("are dropped after a gap, beyond the bound, and when they stop coming", () => {
    const assembly = new SnapshotAssembly(10);
    assembly.add(1, part(1, 0, "ab"), 0);
    expect(assembly.add(1, part(1, 3, "def"), 0)).toBe(false);
    expect(assembly.take(1, 2, 21, 1)).toBe(undefined);
    assembly.add(1, part(2, 0, "abc"), 0);
    expect(assembly.add(2, part(3, 0, "abc"), 0)).toBe(false);
    assembly.check(31_000);
    expect(assembly.bytes).toBe(0);
  });
});

describe("what is known of the other nodes", () => {
  const alive = {
    bootEpoch: 1,
    sentMs: 0,
    wallMs: 0,
    walHealthy: true,
    draining: false,
    echo: undefined,
  };

  function newPeers() {
    const events: string[] = [];
    const peers = new Peers({
      supportMs: 1_500,
      lost: (nodeId, reason) => events.push(`lost ${nodeId} ${reason}`),
      back: (nodeId) => events.push(`back ${nodeId}`),
    });
    peers.set(2, "two:1");
    const hear = (liveness: Partial<typeof alive>, nowMs: number): void => {
      peers.admit(2, "aa", nowMs);
      peers.heard(2, { ...alive, ...liveness }, nowMs, nowMs);
    };
    return { peers, events, hear };
  }

  it("ends support on refusal, silence, restart and a stalled disk, and gives it back", () => {
    const { peers, events, hear } = newPeers();
    hear({}, 0);
    peers.check(1_500);
    peers.check(1_501);
    hear({}, 2_000);
    peers.link(2, "down");
    peers.link(2, "refused");
    hear({ bootEpoch: 2 }, 2_100);
    hear({ bootEpoch: 3 }, 2_200);
    hear({ bootEpoch: 2 }, 2_300);
    hear({ bootEpoch: 3, walHealthy: false }, 2_400);
    expect(peers.isSupported(2)).toBe(false);
    hear({ bootEpoch: 3 }, 2_500);
    expect(events).toEqual([
      "back 2",
      "lost 2 silent",
      "back 2",
      "lost 2 refused",
      "back 2",
      "lost 2 restarted",
      "back 2",
      "lost 2 wal-stalled",
      "back 2",
    ]);
  });

  it("refuses another incarnation until the host has named the peer again", () => {
    const { peers } = newPeers();
    expect([peers.admit(2, "aa", 0), peers.admit(2, "bb", 0)]).toEqual([true, false]);
    peers.set(2, "two:1");
    expect([peers.admit(2, "bb", 0), peers.admit(2, "aa", 0)]).toEqual([true, false]);
  });

  it("hears a node whose disk was replaced, although it counts its starts from one again", () => {
    const { peers, events, hear } = newPeers();
    hear({ bootEpoch: 7 }, 0);
    peers.set(2, "two:1");
    peers.admit(2, "bb", 100);
    peers.heard(2, { ...alive, bootEpoch: 1 }, 100, 100);
    expect([events, peers.isSupported(2)]).toEqual([
      ["back 2", "lost 2 restarted", "back 2"],
      true,
    ]);
  });

  it("hears a node whose disk is an older copy of itself, but nothing left over from before a restart", () => {
    const { peers, events, hear } = newPeers();
    hear({ bootEpoch: 7 }, 0);
    for (const nowMs of [500, 1_000, 1_500]) hear({ bootEpoch: 3 }, nowMs);
    expect([events, peers.get(2)?.bootEpoch]).toEqual([["back 2"], 7]);
    hear({ bootEpoch: 3 }, 1_600);
    expect([events, peers.get(2)?.bootEpoch]).toEqual([
      ["back 2", "lost 2 restarted", "back 2"],
      3,
    ]);
  });

  it("takes a clock offset from the middle of the round trip", () => {
    const { peers } = newPeers();
    peers.admit(2, "aa", 1_100);
    const echo = { sentMs: 1_000, heldMs: 60 };
    peers.heard(2, { ...alive, wallMs: 10_480, echo }, 1_100, 10_000);
    expect(peers.clockOffsets()).toEqual([500]);
  });
});
