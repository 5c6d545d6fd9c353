/**
 * All puts of one client to one shard: joined into batches, numbered, kept in order, retried until
 * they have an outcome.
 *
 * A retry after an unknown outcome is what makes duplicates, so a batch keeps its sequence through all
 * its attempts and the shard's window of the last five sequences recognises it. That window dictates
 * the two rules of pipelining:
 *
 *   P3  sequences under way span at most `batchesInFlightMax` (5): the oldest is never pushed out of the
 *       window by a newer one while its outcome is open
 *   P4  resends go in order of sequence, and no new batch overtakes one that waits for its resend
 *   P5  a put is told `unavailable`, `overloaded` or `stale-epoch` only if no attempt that carried it can
 *       have been stored (S4); it leaves its batch then, before the next attempt
 *   P6  a shard that was closed is left in order: what it refused is told so when all before it has an outcome, and
 *       a batch in doubt is asked about there, at the sealed shard, which alone knows what it holds
 *
 * Order: the records of one put stand together; a put made after another's outcome stands behind it.
 * Puts outstanding together keep their order unless the shard refuses one of them and takes a later one.
 */
import type { Timer } from "@millrace/base";
import { ERROR_TRAITS, StreamError } from "@millrace/base";
import type { Shard } from "@millrace/model";
import { BATCH_HEADER_BYTES, RECORDS_PER_BATCH_MAX } from "@millrace/model";

import { Backoff } from "../routing/backoff.ts";
import type { Target } from "../routing/leader-cache.ts";
import type { AppendResult } from "./append-port.ts";
import { FAILURE_ACTIONS } from "./failure-actions.ts";
import type { QueuedPut } from "./lane-batch.ts";
import { LaneBatch } from "./lane-batch.ts";
import type { LaneDeps } from "./lane-deps.ts";

/** Resends that a write limit can ask for before the rest counts as throttled. */
const THROTTLE_RESENDS_MAX = 3;

/** A resend that could hardly be answered in time would only turn certainty into doubt. */
const LAST_RESEND_MS = 50;

export class Lane {
  readonly #deps: LaneDeps;
  readonly #backoff: Backoff;
  #shard: Shard;
  #epoch: number;
  #queue: QueuedPut[] = [];
  /** In order of sequence. */
  #flight: LaneBatch[] = [];
  #nextSequence = 1;
  #puts = 0;
  #bytes = 0;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  /** The stream to the target is full; `whenRoom` will pump. */
  #waitsForRoom = false;

  constructor(shard: Shard, deps: LaneDeps) {
    this.#shard = shard;
    this.#epoch = shard.epoch;
    this.#deps = deps;
    this.#backoff = new Backoff(deps.limits, deps.random);
  }

  get idle(): boolean {
    return this.#puts === 0;
  }

  get groupId(): number {
    return this.#shard.groupId;
  }

  /** Queues a put; `pump` sends it. @throws StreamError `overloaded` when the lane is full. */
  enqueue(shard: Shard, put: QueuedPut): void {
    const { lanePutsMax, laneBytesMax } = this.#deps.limits;
    if (this.#puts >= lanePutsMax || this.#bytes + put.batch.byteLength > laneBytesMax) {
      throw new StreamError(
        "overloaded",
        `${this.#puts} puts of ${this.#bytes} bytes wait for shard ${shard.shardIndex} of ` +
          `${shard.streamName}; the bounds are ${lanePutsMax} and ${laneBytesMax}`,
      );
    }
    // A group's range never changes in its life, so whoever knows the newer epoch is right for all.
    if (shard.epoch > this.#epoch) {
      this.#shard = shard;
      this.#epoch = shard.epoch;
    }
    this.#puts++;
    this.#bytes += put.batch.byteLength;
    this.#queue.push(put);
    this.#wakeAt(put.deadlineAtMs);
  }

  /** Sends what may be sent now. */
  pump(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const entry of this.#flight) {
      if (entry.pending !== undefined) continue;
      if (entry.dueAtMs > nowMs) {
        this.#wakeAt(entry.dueAtMs);
        return; // P4
      }
      if (tooLate(entry, nowMs)) return; // its puts expire within moments, and say what is certain
      if (!this.#send(entry, nowMs)) return;
    }
    if (this.#isClosed) {
      this.#leave();
      return;
    }
    while (this.#queue.length > 0 && this.#mayOpen()) {
      const entry = new LaneBatch(this.#take(), this.#nextSequence++, this.#deps.producer);
      this.#flight.push(entry);
      if (!this.#send(entry, nowMs)) return;
    }
  }

  /** Metadata says something new of this shard, or (`undefined`) has it no more. */
  shardChanged(shard: Shard | undefined): void {
    if (shard !== undefined && shard.epoch > this.#epoch) {
      this.#shard = shard;
      this.#epoch = shard.epoch;
    }
    // The list is replaced, never changed, when an entry leaves it: walking it is safe.
    for (const entry of this.#flight) {
      if (entry.dueAtMs === Infinity && entry.lastError !== undefined) {
        this.#refresh(entry, entry.lastError, shard);
      }
    }
    this.#leave();
    this.pump();
  }

  /** Ends everything; what may have been stored is told so. */
  close(reason: StreamError): void {
    for (const entry of this.#flight) {
      entry.unknown ||= entry.pending !== undefined;
      this.#drop(entry, entry.verdict(reason));
    }
    for (const put of this.#queue.splice(0)) this.#reject(put, reason);
    this.#timer?.cancel();
    this.#timerAtMs = Infinity;
  }

  /** Took records once and does not any more. */
  get #isClosed(): boolean {
    return this.#shard.state === "closed";
  }

  /** P6. What the closed shard has not taken goes back to its caller, the oldest first. */
  #leave(): void {
    for (let first = this.#flight[0]; first?.left !== undefined; first = this.#flight[0]) {
      this.#drop(first, first.verdict(first.left));
    }
    if (!this.#isClosed || this.#flight.length > 0) return;
    const { shardIndex, streamName, epoch: shardEpoch } = this.#shard;
    const closed = `shard ${shardIndex} of ${streamName} is closed`;
    const error = new StreamError("stale-epoch", closed, { hint: { shardEpoch } });
    for (const put of this.#queue.splice(0)) this.#reject(put, error);
  }

  #mayOpen(): boolean {
    const { batchesInFlightMax } = this.#deps.limits;
    const oldest = this.#flight[0];
    if (oldest === undefined) return true;
    return (
      this.#flight.length < batchesInFlightMax &&
      this.#nextSequence - oldest.sequence < batchesInFlightMax && // P3
      this.#flight.every((entry) => entry.pending !== undefined) // P4
    );
  }

  /** The next puts that fit into one batch: at least one. */
  #take(): QueuedPut[] {
    let bytes = 0;
    let records = 0;
    let taken = 0;
    for (const put of this.#queue) {
      bytes += put.batch.byteLength - BATCH_HEADER_BYTES;
      records += put.count;
      const full = bytes > this.#deps.limits.batchBytesMax || records > RECORDS_PER_BATCH_MAX;
      if (taken > 0 && (full || put.alone)) break;
      taken++;
      if (put.alone) break;
    }
    return this.#queue.splice(0, taken);
  }

  /** False when nothing more can be sent for now. */
  #send(entry: LaneBatch, nowMs: number): boolean {
    if (this.#waitsForRoom) return false;
    const target = this.#deps.leaders.target(this.#shard);
    if (target === undefined) {
      this.#wait(entry, noAddress(this.#shard), this.#backoff.wait());
      return false;
    }
    if (this.#overtakes(entry, target)) return false;
    const attempt = {
      groupId: this.#shard.groupId,
      shardEpoch: this.#epoch,
      expectedTerm: target.term,
      batch: entry.batch,
    };
    const pending = this.#deps.port.append(target, attempt, (result) =>
      this.#answered(entry, target, result),
    );
    if (pending === undefined) {
      this.#waitForRoom(entry, target);
      return false;
    }
    entry.pending = pending;
    entry.target = target;
    entry.sentAtMs = nowMs;
    entry.sentEpoch = this.#epoch;
    entry.attempts++;
    this.#deps.counts.attempts.add();
    if (entry.attempts > 1) this.#deps.counts.retries.add();
    this.#wakeAt(nowMs + this.#deps.limits.attemptTimeoutMs);
    return true;
  }

  /**
   * An earlier batch is under way to another node, or for another term, which may refuse it: its answer
   * comes first, or its time runs out (P4).
   */
  #overtakes(entry: LaneBatch, target: Target): boolean {
    return this.#flight.some(
      (other) =>
        other.sequence < entry.sequence &&
        other.pending !== undefined &&
        (other.target?.nodeId !== target.nodeId || other.target.term !== target.term),
    );
  }

  #waitForRoom(entry: LaneBatch, target: Target): void {
    entry.lastError ??= new StreamError(
      "overloaded",
      `the stream to node ${target.nodeId} has no room for another request`,
    );
    this.#waitsForRoom = true;
    this.#deps.port.whenRoom(target, () => {
      this.#waitsForRoom = false;
      this.pump();
    });
  }

  #answered(entry: LaneBatch, target: Target, result: AppendResult): void {
    entry.pending = undefined;
    if (result.kind === "stored") {
      this.#backoff.reset();
      this.#deps.leaders.served(this.#shard.groupId, target.nodeId, result.term);
      this.#remove(entry);
      entry.settle(result.baseOffset, result.count, result.arrivalMs);
      this.#leave();
    } else {
      this.#failed(entry, target, result);
    }
    this.#deps.pumpSoon(this);
  }

  #failed(
    entry: LaneBatch,
    target: Target,
    { error, link }: Extract<AppendResult, { kind: "failed" }>,
  ): void {
    const { leaders } = this.#deps;
    const { groupId, replicas } = this.#shard;
    const { code, hint } = error;
    if (!ERROR_TRAITS[code].definite) entry.unknown = true; // P2
    switch (FAILURE_ACTIONS[code]) {
      case "fail":
        return this.#refused(entry, error);
      case "shrink":
        return this.#throttled(entry, error);
      case "refresh":
        return this.#refresh(entry, error, this.#deps.view.shardOfGroup(groupId));
      case "redirect": {
        leaders.redirected(groupId, target, hint);
        return this.#wait(entry, error, this.#backoff.move(replicas.length + 1));
      }
      case "missing":
        if (this.#deps.view.shardOfGroup(groupId)?.state !== "open") {
          return this.#refused(entry, error);
        }
        leaders.failed(groupId, target.nodeId);
        return this.#wait(entry, error, this.#backoff.wait());
      case "retry":
        if (link || entry.attempts % 2 === 0) leaders.failed(groupId, target.nodeId);
        return this.#wait(
          entry,
          error,
          link ? this.#backoff.move(replicas.length) : this.#backoff.wait(hint.retryAfterMs),
        );
    }
  }

  #wait(entry: LaneBatch, error: StreamError, delayMs: number): void {
    entry.lastError = error;
    entry.dueAtMs = this.#deps.clock.monotonicMs() + delayMs;
    this.#wakeAt(entry.dueAtMs);
  }

  #throttled(entry: LaneBatch, error: StreamError): void {
    const { recordsFree = 0, bytesFree = 0, retryAfterMs } = error.hint;
    entry.throttles++;
    if (entry.throttles <= THROTTLE_RESENDS_MAX && entry.shrink(recordsFree, bytesFree)) {
      return this.#wait(entry, error, 0);
    }
    // P2: an earlier attempt can still turn up in the log, so "throttled" would be a lie.
    if (entry.unknown) return this.#wait(entry, error, this.#backoff.wait(retryAfterMs));
    this.#remove(entry);
    entry.settle(0, 0, 0);
  }

  /** The shard's epoch is not the one we sent: go on with the newer one, or stop where there is none to come. */
  #refresh(entry: LaneBatch, error: StreamError, shard: Shard | undefined): void {
    if (shard?.state === "closed") return this.#closed(entry, error, shard);
    if (shard === undefined || shard.state !== "open") return this.#refused(entry, error);
    if (shard.epoch > entry.sentEpoch) {
      this.#epoch = Math.max(this.#epoch, shard.epoch);
      return this.#wait(entry, error, this.#backoff.move(1));
    }
    const theirs = error.hint.shardEpoch;
    // Same map on both sides: the records hash to another shard, and no newer map will change that.
    if (theirs === entry.sentEpoch) return this.#refused(entry, error);
    if (theirs !== undefined && theirs < entry.sentEpoch) {
      return this.#wait(entry, error, this.#backoff.wait());
    }
    entry.lastError = error;
    entry.dueAtMs = Infinity;
  }

  #closed(entry: LaneBatch, error: StreamError, shard: Shard): void {
    if (shard.epoch > this.#epoch) {
      this.#shard = shard;
      this.#epoch = shard.epoch;
    }
    // The one word that takes back a doubt (P2): no attempt was or will be stored.
    if (error.hint.sealed === true) entry.unknown = false;
    if (entry.unknown) return this.#wait(entry, error, this.#backoff.move(1));
    entry.left = error;
    entry.dueAtMs = Infinity;
    this.#leave();
  }

  #refused(entry: LaneBatch, error: StreamError): void {
    const alone = entry.puts.length === 1;
    if (error.code === "invalid-argument" && !alone && !entry.unknown) {
      for (const put of entry.puts) put.alone = true;
      return this.#requeue(entry);
    }
    this.#drop(entry, entry.verdict(error.code === "duplicate-stale" ? stale(error) : error));
  }

  /** Some puts left a batch of which nothing is stored: the others keep its place and its sequence (P5). */
  #rebuild(entry: LaneBatch, puts: readonly QueuedPut[]): void {
    const rest = new LaneBatch(puts, entry.sequence, this.#deps.producer);
    rest.dueAtMs = entry.dueAtMs;
    rest.lastError = entry.lastError;
    rest.left = entry.left;
    rest.sentEpoch = entry.sentEpoch;
    rest.attempts = entry.attempts;
    this.#flight = this.#flight.map((other) => (other === entry ? rest : other));
  }

  /** Nothing of the batch is stored: its puts go back to the front, each to be sent by itself. */
  #requeue(entry: LaneBatch): void {
    this.#flight = this.#flight.filter((other) => other !== entry);
    this.#queue.unshift(...entry.puts.filter((put) => !put.settled));
  }

  #drop(entry: LaneBatch, error: StreamError): void {
    entry.pending?.cancel();
    entry.pending = undefined;
    this.#remove(entry);
    entry.fail(error);
  }

  #remove(entry: LaneBatch): void {
    this.#flight = this.#flight.filter((other) => other !== entry);
    for (const put of entry.puts) if (!put.settled) this.#forget(put);
  }

  #forget(put: QueuedPut): void {
    this.#puts--;
    this.#bytes -= put.batch.byteLength;
  }

  #reject(put: QueuedPut, error: StreamError): void {
    this.#forget(put);
    put.settled = true;
    put.reject(error);
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || atMs === Infinity) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    const delayMs = Math.max(0, atMs - this.#deps.clock.monotonicMs());
    this.#timer = this.#deps.clock.schedule(delayMs, () => {
      this.#timerAtMs = Infinity;
      this.#onTime(this.#deps.clock.monotonicMs());
    });
  }

  /** Deadlines, attempts without an answer, resends that are due. */
  #onTime(nowMs: number): void {
    for (const entry of this.#flight) this.#expire(entry, nowMs);
    this.#leave();
    const late = this.#queue.filter((put) => put.deadlineAtMs <= nowMs);
    if (late.length > 0) this.#queue = this.#queue.filter((put) => put.deadlineAtMs > nowMs);
    for (const put of late) this.#reject(put, neverSent(this.#shard, this.#flight[0]?.lastError));
    for (const put of this.#queue) this.#wakeAt(put.deadlineAtMs);
    this.pump();
  }

  #expire(entry: LaneBatch, nowMs: number): void {
    const attemptEndsMs = entry.sentAtMs + this.#deps.limits.attemptTimeoutMs;
    if (entry.pending !== undefined && attemptEndsMs <= nowMs) this.#giveUpAttempt(entry);
    const late = entry.puts.filter((put) => !put.settled && put.deadlineAtMs <= nowMs);
    const certain = !entry.unknown && entry.pending === undefined;
    const error = certain ? neverSent(this.#shard, entry.lastError) : timedOut(this.#shard, entry);
    for (const put of late) this.#reject(put, error);
    const open = entry.puts.filter((put) => !put.settled);
    if (open.length === 0) this.#drop(entry, error);
    else if (certain && late.length > 0) this.#rebuild(entry, open);
    for (const put of open) this.#wakeAt(put.deadlineAtMs);
    if (entry.pending !== undefined) {
      this.#wakeAt(entry.sentAtMs + this.#deps.limits.attemptTimeoutMs);
    }
  }

  /** The far end says nothing: ask elsewhere, under the same sequence. */
  #giveUpAttempt(entry: LaneBatch): void {
    entry.pending?.cancel();
    entry.pending = undefined;
    entry.unknown = true;
    if (entry.target !== undefined) {
      this.#deps.leaders.failed(this.#shard.groupId, entry.target.nodeId);
    }
    const error = new StreamError("indeterminate", "an append was not answered in time");
    this.#wait(entry, error, this.#backoff.move(1));
  }
}

function tooLate(entry: LaneBatch, nowMs: number): boolean {
  if (entry.attempts === 0 || entry.unknown) return false;
  return entry.puts.every((put) => put.settled || put.deadlineAtMs - nowMs < LAST_RESEND_MS);
}

function noAddress(shard: Shard): StreamError {
  return new StreamError(
    "unavailable",
    `no replica of shard ${shard.shardIndex} of ${shard.streamName} has a known data address`,
  );
}

function stale(error: StreamError): StreamError {
  return new StreamError("indeterminate", error.message, { cause: error });
}

/** The time is up and nothing was stored (P5): told by what stood in the way. */
function neverSent(shard: Shard, last: StreamError | undefined): StreamError {
  const code =
    last?.code === "overloaded" || last?.code === "stale-epoch" ? last.code : "unavailable";
  const why = last === undefined ? "earlier puts had no outcome yet" : last.message;
  return new StreamError(
    code,
    `shard ${shard.shardIndex} of ${shard.streamName} took no records in time: ${why}`,
    last === undefined ? {} : { cause: last },
  );
}

function timedOut(shard: Shard, entry: LaneBatch): StreamError {
  const why = entry.lastError === undefined ? "no answer yet" : entry.lastError.message;
  return new StreamError(
    "deadline",
    `records for shard ${shard.shardIndex} of ${shard.streamName} may be stored: ` +
      `${entry.attempts} attempts, ${why}`,
    entry.lastError === undefined ? {} : { cause: entry.lastError },
  );
}
