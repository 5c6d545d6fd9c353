/**
 * What the clients were told against each other, and against what every replica holds in the end.
 *
 *   lost-write (S1)           an acknowledged value is at its offset, for the leader's readers and on
 *                             every replica, until it is trimmed; `prefix`, `middle`, `postfix` of a
 *                             shard are lost by different bugs
 *   trimmed-early (S9)        nothing is trimmed before its retention has passed
 *   duplicate                 no value is at two places (the producers take part in deduplication)
 *   inconsistent-offset (S2)  one value per offset, whoever says so and whenever
 *   G1a (S4)                  no value is seen that was refused for certain
 *   phantom (S4)              no value is seen that nobody submitted
 *   unexpected-value          a record's bytes are those that were submitted
 *   poll-skip (S3, S5)        a page that follows another begins where that ended, or at the trim point
 *   nonmonotonic-poll (S5)    ... and not before; nor does the end of a shard go back for one reader
 *   nonmonotonic-send (S3)    of two puts to a shard, the one that was answered before the other began
 *                             comes first
 *
 * What nobody can decide (`info`, or no outcome) may be there or not, and may come late.
 *
 * Source: the classes are those of jepsen.tests.kafka (Kingsbury and others).
 */
import type { FetchEvent, HistoryEvent, PutEvent } from "../history.ts";

/** `streamId/shardIndex` */
export type ShardKey = string;

/** What one reader of a whole shard found. */
export interface FinalShard {
  readonly trimOffset: number;
  /** From `trimOffset` on. */
  readonly values: readonly string[];
}

export interface Finals {
  /** Read through the leader. Of streams that are gone there is nothing. */
  readonly shards: ReadonlyMap<ShardKey, FinalShard>;
  /** The same of each replica's own files, by node. */
  readonly replicas: ReadonlyMap<ShardKey, ReadonlyMap<number, FinalShard>>;
  /** The calendar's milliseconds at the end, and the shortest retention that any stream had. */
  readonly calendarMs: number;
  readonly retentionMs: number;
}

export interface CheckReport {
  readonly acknowledged: number;
  readonly violations: readonly string[];
}

const VIOLATIONS_MAX = 20;
/** By which the clock of a leader may have been behind when records arrived. */
const CLOCKS_APART_MS = 120_000;

export function checkHistory(history: readonly HistoryEvent[], finals: Finals): CheckReport {
  const check = new HistoryCheck(finals);
  for (const event of history) check.add(event);
  check.finish();
  return { acknowledged: check.acknowledged, violations: check.violations };
}

class HistoryCheck {
  acknowledged = 0;
  readonly violations: string[] = [];
  readonly #finals: Finals;
  readonly #submitted = new Set<string>();
  readonly #refused = new Map<string, string>();
  /** Where each value was seen, by stream: `streamId value` to `shard offset`. */
  readonly #places = new Map<string, string>();
  /** Who said first what is at a place. */
  readonly #values = new Map<string, { readonly value: string; readonly who: string }>();
  readonly #acks: PutEvent[] = [];
  readonly #sends = new Map<string, { readonly beganMs: number; readonly event: PutEvent }[]>();
  readonly #beganMs = new Map<number, number>();
  readonly #ends = new Map<string, number>();
  readonly #seen: { readonly value: string; readonly where: string }[] = [];

  constructor(finals: Finals) {
    this.#finals = finals;
  }

  add(event: HistoryEvent): void {
    if (event.kind === "invoke") this.#beganMs.set(event.id, event.timeMs);
    if (event.op === "put") this.#put(event);
    else if (event.op === "fetch" && event.kind === "ok") this.#fetched(event);
  }

  finish(): void {
    const { shards, replicas } = this.#finals;
    for (const [key, final] of shards) this.#whole(key, "the leader", final);
    for (const [key, each] of replicas) {
      for (const [node, final] of each) this.#whole(key, `node ${node}`, final);
    }
    for (const event of this.#acks) this.#stillThere(event);
    for (const { value, where } of this.#seen) this.#mayBeThere(value, where);
    for (const sends of this.#sends.values()) this.#sendsInOrder(sends);
  }

  #put(event: PutEvent): void {
    const { kind, values, id, process, stream, shard, timeMs, offset = 0, accepted = 0 } = event;
    if (kind === "invoke") for (const value of values) this.#submitted.add(value);
    const name = `operation ${id} of ${process}`;
    if (kind === "fail") for (const value of values) this.#refused.set(value, name);
    if (kind !== "ok") return;
    this.acknowledged += accepted;
    const beganMs = this.#beganMs.get(id) ?? timeMs;
    for (const [at, value] of values.slice(0, accepted).entries()) {
      this.#place(stream, shard, offset + at, value, name);
    }
    for (const value of values.slice(accepted)) this.#refused.set(value, name);
    if (accepted === 0) return;
    this.#acks.push(event);
    const key = `${process} ${stream}/${shard}`;
    const sends = this.#sends.get(key) ?? [];
    this.#sends.set(key, sends);
    sends.push({ beganMs, event });
  }

  #fetched(event: FetchEvent): void {
    const { from, offset = from, follows, trimOffset = 0, endOffset = 0 } = event;
    const { id, process, stream, shard, values = [], wrong = [] } = event;
    const name = `operation ${id} of ${process}`;
    const where = `${stream}/${shard}`;
    for (const sentence of wrong) this.#broken(`${sentence}, read by ${name} in ${where}`);
    if (follows && offset > from && values.length > 0 && offset > trimOffset) {
      this.#broken(`poll-skip: ${name} got ${where} from ${offset} on, after ${from}`);
    }
    if (offset < from) {
      this.#broken(`nonmonotonic-poll: ${name} got ${where} from ${offset} on, after ${from}`);
    }
    const end = this.#ends.get(`${process} ${where}`) ?? 0;
    if (endOffset < end) {
      this.#broken(`nonmonotonic-poll: ${name} saw ${where} end at ${endOffset} after ${end}`);
    }
    this.#ends.set(`${process} ${where}`, endOffset);
    for (const [at, value] of values.entries()) {
      this.#place(stream, shard, offset + at, value, name);
    }
  }

  #whole(key: ShardKey, who: string, { trimOffset, values }: FinalShard): void {
    const cut = key.lastIndexOf("/");
    const shard = Number(key.slice(cut + 1));
    for (const [at, value] of values.entries()) {
      this.#place(key.slice(0, cut), shard, trimOffset + at, value, who);
    }
  }

  /** Somebody says that `value` is there. */
  #place(stream: string, shard: number, offset: number, value: string, who: string): void {
    const place = `${stream}/${shard} at ${offset}`;
    const known = this.#values.get(place);
    if (known?.value === value) return;
    if (known !== undefined) {
      this.#broken(
        `inconsistent-offset: ${place} is ${value} for ${who}, ${known.value} for ${known.who}`,
      );
      return;
    }
    this.#values.set(place, { value, who });
    this.#seen.push({ value, where: `${place} for ${who}` });
    const before = this.#places.get(`${stream} ${value}`);
    if (before !== undefined && before !== place) {
      this.#broken(`duplicate: ${value} is in ${place} and in ${before}`);
    }
    this.#places.set(`${stream} ${value}`, place);
  }

  #mayBeThere(value: string, where: string): void {
    if (!this.#submitted.has(value)) this.#broken(`phantom: nobody submitted ${value}, ${where}`);
    const refused = this.#refused.get(value);
    if (refused !== undefined)
      this.#broken(`G1a: ${refused} was refused, but ${value} is ${where}`);
  }

  #stillThere(event: PutEvent): void {
    const key = `${event.stream}/${event.shard}`;
    const final = this.#finals.shards.get(key);
    if (final === undefined) return; // the stream is gone
    this.#heldBy(event, key, "the leader", final);
    for (const [node, each] of this.#finals.replicas.get(key) ?? []) {
      this.#heldBy(event, key, `node ${node}`, each);
    }
  }

  #heldBy(event: PutEvent, key: ShardKey, who: string, { trimOffset, values }: FinalShard): void {
    const { id, process, offset = 0, accepted = 0, calendarMs = 0 } = event;
    const { calendarMs: endMs, retentionMs } = this.#finals;
    for (const [at, value] of event.values.slice(0, accepted).entries()) {
      const position = offset + at;
      const name = `${value} of operation ${id} of ${process}, ${key} at ${position}`;
      if (position < trimOffset) {
        if (calendarMs + retentionMs > endMs + CLOCKS_APART_MS) {
          this.#broken(
            `trimmed-early: ${name}, is gone for ${who}, which trimmed to ${trimOffset}`,
          );
        }
        continue;
      }
      const there = values[position - trimOffset];
      if (there === value) continue;
      const end = trimOffset + values.length;
      const part = position >= end ? "postfix" : position === trimOffset ? "prefix" : "middle";
      this.#broken(`lost-write ${part}: ${name}, is ${there ?? "missing"} for ${who}`);
    }
  }

  #sendsInOrder(sends: readonly { readonly beganMs: number; readonly event: PutEvent }[]): void {
    // By the end of the earlier one: the highest offset of all that had ended before the next began.
    const byStart = sends.toSorted((a, b) => a.beganMs - b.beganMs);
    const byEnd = sends.toSorted((a, b) => a.event.timeMs - b.event.timeMs);
    let ended = 0;
    let highest: PutEvent | undefined;
    for (const { beganMs, event } of byStart) {
      for (; (byEnd[ended]?.event.timeMs ?? Infinity) < beganMs; ended++) {
        const over = byEnd[ended]?.event;
        if (over !== undefined && (over.offset ?? 0) > (highest?.offset ?? -1)) highest = over;
      }
      if (highest !== undefined && (event.offset ?? 0) < (highest.offset ?? 0)) {
        this.#broken(
          `nonmonotonic-send: operation ${event.id} of ${event.process} is at ${event.offset}, ` +
            `before ${highest.id}, which had ended, at ${highest.offset}`,
        );
      }
    }
  }

  #broken(sentence: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(sentence);
  }
}
