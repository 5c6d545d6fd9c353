/** Every order in which puts, retries, a seal, commits and changes of leader can meet in one shard. */
import { StreamError } from "@millrace/base";
import { readEntryHeader } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { PRODUCERS_MAX } from "../bounds.ts";
import { encodeBatch, EPOCH, nth } from "../testing/fixtures.ts";
import type { AppendOutcome } from "../testing/shard-bench.ts";
import { codeOf, ShardBench } from "../testing/shard-bench.ts";
import { entryKind } from "../testing/shard-group-world.ts";
import { encodeCommand } from "./shard-commands.ts";

const EVENTS = ["put", "retry", "seal", "turn", "commit", "keep", "lose"] as const;
type Event = (typeof EVENTS)[number];
const EVENTS_PER_ORDER = 5;
const CHILDREN = [4, 5];

interface Attempt {
  readonly sequence: number;
  readonly sent: { outcome: AppendOutcome; answers: number };
}

class Race {
  readonly bench = new ShardBench(2);
  readonly attempts: Attempt[] = [];
  #sequence = 0;

  take(event: Event): void {
    const { world, clock } = this.bench;
    switch (event) {
      case "put":
        return this.#send(++this.#sequence);
      case "retry":
        return this.#sequence === 0 ? undefined : this.#send(this.#sequence);
      case "seal":
        return this.bench.leader.hosted.appends.seal(EPOCH + 1, CHILDREN);
      case "turn":
        return clock.runSoon();
      case "commit":
        return world.commit(1);
      default: {
        const next = nth(world.replicas, world.leader === world.replicas[0] ? 1 : 0);
        world.elect(next, event === "keep" ? world.tail.length : 0);
      }
    }
  }

  #send(sequence: number): void {
    const batch = encodeBatch([`r${sequence}`], { id: 1, sequence });
    this.attempts.push({ sequence, sent: this.bench.put(batch) });
  }

  /** Drives the seal to its end, as the order in metadata does, and asks once more about each put. */
  finish(): void {
    const { bench } = this;
    bench.settle();
    bench.leader.hosted.appends.seal(EPOCH + 1, CHILDREN);
    bench.settle();
    for (let sequence = 1; sequence <= this.#sequence; sequence++) this.#send(sequence);
    bench.settle();
    for (const replica of bench.world.replicas) replica.catchUp();
  }
}

/** All sequences of EVENTS_PER_ORDER events. */
function* orders(length = EVENTS_PER_ORDER): Generator<readonly Event[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of orders(length - 1)) {
    for (const event of EVENTS) yield [event, ...rest];
  }
}

function problemOf(order: readonly Event[]): string | undefined {
  const race = new Race();
  for (const event of order) race.take(event);
  race.finish();
  const { bench, attempts } = race;
  const texts = bench.texts();
  const { state } = bench.leader.hosted;
  if (!state.sealed || state.nextOffset !== texts.length) return "the shard did not end";
  if (new Set(texts).size !== texts.length) return "a record is there twice";
  const [first, second] = bench.world.replicas.map(({ hosted }) => hosted.snapshot());
  if (Buffer.compare(first ?? Buffer.of(), second ?? Buffer.of()) !== 0) return "replicas differ";
  for (const { sequence, sent } of attempts) {
    const { outcome, answers } = sent;
    if (answers !== 1 || outcome === "pending") return `${answers} answers`;
    const isThere = texts.includes(`r${sequence}`);
    if (!(outcome instanceof StreamError)) {
      if (texts[outcome.baseOffset] !== `r${sequence}`) return "acknowledged, but not there";
      continue;
    }
    if (outcome.hint.sealed === true && isThere) return "called never stored, but there";
  }
  // What was asked once more at the sealed shard is certain either way.
  for (const { sent } of attempts.slice(-new Set(attempts.map((a) => a.sequence)).size)) {
    const { outcome } = sent;
    const isCertain = !(outcome instanceof StreamError) || outcome.hint.sealed === true;
    if (!isCertain) return `in doubt at the end: ${String(outcome)}`;
  }
  return undefined;
}

describe("a seal that races with puts", () => {
  it("leaves every put either in the shard or certainly not, in every order of events (S4, S10, S11)", () => {
    const problems: string[] = [];
    let count = 0;
    for (const order of orders()) {
      count++;
      const problem = problemOf(order);
      if (problem !== undefined) problems.push(`${order.join(" ")}: ${problem}`);
    }
    expect(problems.slice(0, 3)).toEqual([]);
    expect(count).toBe(EVENTS.length ** EVENTS_PER_ORDER);
  });

  it("stands behind what was accepted before it, and nothing behind it is proposed (S10)", () => {
    const bench = new ShardBench();
    const before = bench.put(["a"], { producer: { id: 1, sequence: 1 } });
    bench.leader.hosted.appends.seal(EPOCH + 1, CHILDREN);
    const behind = bench.put(["b"], { producer: { id: 1, sequence: 2 } });
    expect([codeOf(behind.outcome), (behind.outcome as StreamError).hint]).toEqual([
      "stale-epoch",
      { shardEpoch: EPOCH + 1 },
    ]);
    bench.settle();
    expect(before.outcome).toMatchObject({ baseOffset: 0 });
    expect(bench.world.committed.slice(1).map(({ data }) => readEntryHeader(data).kind)).toEqual([
      "records",
      "command",
    ]);
  });

  it("is proposed once per leader, and again by the next one when it was lost", () => {
    const bench = new ShardBench();
    const seal = () => bench.leader.hosted.appends.seal(EPOCH + 1, CHILDREN);
    seal();
    seal();
    expect(bench.world.tail).toHaveLength(1);
    bench.world.elect(nth(bench.world.replicas, 1));
    const put = bench.put(["a"]);
    bench.settle();
    expect(put.outcome).toMatchObject({ baseOffset: 0 });
    seal();
    bench.settle();
    seal();
    expect([bench.world.tail.length, bench.leader.hosted.state.sealed]).toEqual([0, true]);
    bench.world.elect(nth(bench.world.replicas, 2));
    expect(() => nth(bench.world.replicas, 0).hosted.appends.seal(9, [])).toThrow("leads group");
  });

  it("is refused deterministically and never acknowledged when a leader proposes behind it all the same (S10)", () => {
    const bench = new ShardBench();
    const { leader } = bench;
    bench.put(["a"]);
    bench.clock.runSoon();
    // A leader that knows nothing of the seal in its own log: the order in the log is what counts.
    const at = { baseOffset: 1, arrivalMs: bench.clock.nowMs() };
    const seal = { kind: "seal", epoch: EPOCH + 1, childShardIndexes: CHILDREN } as const;
    leader.propose(encodeCommand(seal, at), undefined, () => undefined);
    const behind = bench.put(["b"], { producer: { id: 1, sequence: 1 } });
    bench.settle();
    expect(behind.outcome).toBeInstanceOf(StreamError);
    expect((behind.outcome as StreamError).hint).toEqual({ shardEpoch: EPOCH + 1 });
    expect(bench.world.committed.map(entryKind)).toEqual([
      "empty",
      "1 records",
      "command 2",
      "1 records",
    ]);
    for (const replica of bench.world.replicas) replica.catchUp();
    const states = bench.world.replicas.map(({ hosted }) => hosted.state);
    for (const { nextOffset, sealed } of states) expect([nextOffset, sealed]).toEqual([1, true]);
    expect(bench.fetch().outcome).toMatchObject({ endOffset: 1, sealed: true });
    expect(bench.texts()).toEqual(["a"]);
    expect(
      (bench.put(["b"], { producer: { id: 1, sequence: 1 } }).outcome as StreamError).hint,
    ).toEqual({
      shardEpoch: EPOCH + 1,
      sealed: true,
    });
    expect(leader.hosted.readableIndex).toBe(leader.hosted.state.sealIndex);
  });
});

describe("a batch sent to a sealed shard", () => {
  const sealedWith = (...sequences: readonly number[]) => {
    const bench = new ShardBench();
    for (const sequence of sequences) {
      bench.put([`r${sequence}`], { producer: { id: 1, sequence } });
      bench.settle();
    }
    bench.seal();
    return bench;
  };
  const ask = (bench: ShardBench, sequence: number, id = 1) =>
    bench.put(["r"], { producer: { id, sequence } }).outcome;

  it("is answered with its offsets when it is in it, also by a later leader", () => {
    const bench = sealedWith(1, 2);
    bench.world.elect(nth(bench.world.replicas, 1));
    expect(ask(bench, 2)).toMatchObject({ baseOffset: 1, count: 1, duplicate: true });
    // Callers have the closed shard's epoch by now, or still the old one.
    const put = bench.put(["r"], { producer: { id: 1, sequence: 1 }, epoch: EPOCH + 1 });
    expect(put.outcome).toMatchObject({ baseOffset: 0, duplicate: true });
  });

  it("is told that it never will be in it, and who takes its records", () => {
    const bench = sealedWith(1);
    const outcome = ask(bench, 2) as StreamError;
    expect([outcome.code, outcome.hint]).toEqual([
      "stale-epoch",
      { shardEpoch: EPOCH + 1, sealed: true },
    ]);
    expect(outcome.message).toContain("shardId-000000000001 and shardId-000000000002 take");
    expect((ask(bench, 1, 2) as StreamError).hint.sealed).toBe(true);
  });

  it("stays in doubt when its producer may have had to make room for others", () => {
    const bench = new ShardBench();
    for (let id = 1; id <= PRODUCERS_MAX + 1; id++) {
      bench.put(["r"], { producer: { id, sequence: 1 } });
      bench.settle();
      bench.clock.advance(10);
    }
    bench.seal();
    expect([ask(bench, 1), ask(bench, 1, PRODUCERS_MAX + 1)]).toEqual([
      expect.objectContaining({ code: "stale-epoch", hint: { shardEpoch: EPOCH + 1 } }),
      expect.objectContaining({ duplicate: true }),
    ]);
  });

  it("stays in doubt when it is too old to tell, or has no producer", () => {
    const bench = sealedWith(1, 9);
    expect(codeOf(ask(bench, 4))).toBe("duplicate-stale");
    expect((bench.put(["r"]).outcome as StreamError).hint).toEqual({ shardEpoch: EPOCH + 1 });
  });
});
