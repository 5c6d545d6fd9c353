/**
 * A shard's way in, on its leader: check, dedup, limit, join, propose, answer when applied.
 *
 * Batches of one turn of the event loop become one entry, so a busy shard pays one proposal per turn.
 * Every refusal before `propose` is definite: nothing was stored and what the limits took is given
 * back. After it, only the log decides: applied, or `indeterminate` when leadership was lost (S4, S11).
 */
import { asStreamError, StreamError } from "@millrace/base";
import type { Shard } from "@millrace/model";
import {
  checkBatch,
  HashKeyBounds,
  PARTITION_KEY_BYTES_MAX,
  RECORD_BYTES_MAX,
  viewOf,
} from "@millrace/model";
import type { BatchRules, StreamRecord } from "@millrace/model";

import { APPEND_BYTES_IN_FLIGHT_MAX, APPENDS_IN_FLIGHT_MAX } from "../bounds.ts";
import type { BrokerContext } from "../context.ts";
import type { ShardGroup } from "../ports.ts";
import { batchProducer } from "./batch-walk.ts";
import { entryEnd, joinBatches } from "./join-batches.ts";
import type { AppendReply, PendingBatch } from "./leader-term.ts";
import { LeaderTerm } from "./leader-term.ts";
import { requireRemembered, sealedShard, storedBeforeSeal } from "./sealed-answer.ts";
import { notLeader, requireKept, requireReadyLeader, requireWritable } from "./shard-access.ts";
import { encodeCommand } from "./shard-commands.ts";
import type { ShardLimiter } from "./shard-limiter.ts";
import type { ShardState } from "./shard-state.ts";

export interface AppendRequest {
  readonly shardEpoch: number;
  /** Raft term the caller expects to find; 0 accepts any. */
  readonly expectedTerm: number;
  /** Read until the end of the turn in which it was given, then let go of. */
  readonly batch: Uint8Array;
}

export class AppendLane {
  readonly #context: BrokerContext;
  readonly #group: ShardGroup;
  readonly #state: ShardState;
  readonly #limiter: ShardLimiter;
  readonly #flush = () => this.#proposePending();
  #leader: LeaderTerm | undefined;
  #shard: Shard | undefined;
  #stream: StreamRecord | undefined;
  #rules: BatchRules | undefined;
  #pending: PendingBatch[] = [];
  #unanswered = 0;
  #unansweredBytes = 0;

  constructor(context: BrokerContext, group: ShardGroup, state: ShardState, limiter: ShardLimiter) {
    this.#context = context;
    this.#group = group;
    this.#state = state;
    this.#limiter = limiter;
  }

  /** Batches that have no answer yet. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Answers through `reply`, in this turn when refused or stored before, else when applied. */
  append(shard: Shard, request: AppendRequest, reply: AppendReply): void {
    try {
      this.#accept(shard, request, reply);
    } catch (error) {
      const refusal = asStreamError(error);
      if (refusal.code === "throttled") this.#context.metrics.throttledWrites.add();
      reply(refusal);
    }
  }

  /**
   * Proposes the shard's seal, behind every batch that was accepted before. From then on this leader proposes no
   * other (S10). Nothing happens when the shard is sealed, or is being sealed in this term.
   *
   * @throws StreamError why the seal could not be proposed now.
   */
  seal(epoch: number, childShardIndexes: readonly number[]): void {
    requireReadyLeader(this.#context, this.#group);
    const leader = this.#presentTerm();
    if (this.#state.sealed || leader.sealingEpoch !== undefined) return;
    this.#proposePending();
    const at = { baseOffset: leader.nextOffset, arrivalMs: this.#arrivalMs(leader) };
    const command = encodeCommand({ kind: "seal", epoch, childShardIndexes }, at);
    // Committed or not, nothing is proposed behind it in this term; another term asks its own log.
    const answer = this.#group.propose(command, leader.term, () => undefined);
    if (answer instanceof StreamError) throw answer;
    leader.sealingEpoch = epoch;
  }

  #accept(shard: Shard, request: AppendRequest, reply: AppendReply): void {
    const { clock } = this.#context;
    this.#requireLeader(shard, request);
    if (this.#state.sealed) return this.#answerSealed(request.batch, reply);
    const leader = this.#openTerm(shard, request);
    this.#requireRoom(request.batch.byteLength);
    const header = checkBatch(request.batch, this.#batchRules(shard));
    const batch: PendingBatch = {
      bytes: request.batch,
      lengthBytes: header.lengthBytes,
      count: header.count,
      payloadBytes: header.payloadBytes,
      producer: batchProducer(viewOf(request.batch), 0),
      sequence: header.producerSequence,
      arrivedAtMs: clock.monotonicMs(),
      replies: [reply],
    };
    if (batch.producer !== 0n && this.#isKnown(leader, batch, reply)) return;
    this.#limiter.follow(this.#context.view.cluster()?.limits, batch.arrivedAtMs);
    this.#limiter.takeWrite(batch.count, batch.payloadBytes, batch.arrivedAtMs);
    leader.begin(batch);
    this.#unanswered++;
    this.#unansweredBytes += batch.lengthBytes;
    this.#pending.push(batch);
    this.#context.turn.add(this.#flush);
  }

  #requireLeader(shard: Shard, { expectedTerm }: AppendRequest): void {
    const group = this.#group;
    requireReadyLeader(this.#context, group);
    if (expectedTerm !== 0 && expectedTerm !== group.term) throw notLeader(this.#context, group);
    requireKept(shard);
  }

  #answerSealed(batch: Uint8Array, reply: AppendReply): void {
    const { groupId, term } = this.#group;
    const { baseOffset, count, arrivalMs } = storedBeforeSeal(this.#state, groupId, batch);
    this.#context.metrics.duplicates.add();
    reply({ baseOffset, count, arrivalMs, term, duplicate: true });
  }

  /** The present term's state, after every check that needs no look at the batch. */
  #openTerm(shard: Shard, request: AppendRequest): LeaderTerm {
    requireWritable(shard, request.shardEpoch);
    if (this.#context.diskFull()) {
      throw new StreamError(
        "disk-full",
        `node ${this.#context.nodeId} has no room for new records`,
      );
    }
    const leader = this.#presentTerm();
    if (leader.sealingEpoch !== undefined) throw this.#sealing(leader.sealingEpoch);
    return leader;
  }

  #presentTerm(): LeaderTerm {
    const { term } = this.#group;
    if (this.#leader?.term !== term) {
      this.#proposePending(); // refused: they were numbered in an earlier term
      this.#leader = new LeaderTerm(term, this.#state);
    }
    return this.#leader;
  }

  #requireRoom(bytes: number): void {
    if (
      this.#unanswered < APPENDS_IN_FLIGHT_MAX &&
      this.#unansweredBytes + bytes <= APPEND_BYTES_IN_FLIGHT_MAX
    ) {
      return;
    }
    throw new StreamError(
      "overloaded",
      `group ${this.#group.groupId} has ${this.#unanswered} batches of ${this.#unansweredBytes} bytes in flight, ` +
        `maximum ${APPENDS_IN_FLIGHT_MAX} and ${APPEND_BYTES_IN_FLIGHT_MAX}`,
    );
  }

  /** Answers a batch that is stored or in flight already; refuses one that is too old to tell. */
  #isKnown(leader: LeaderTerm, batch: PendingBatch, reply: AppendReply): boolean {
    const { producer, sequence } = batch;
    const inFlight = leader.find(producer, sequence);
    if (inFlight !== undefined) {
      inFlight.replies.push(reply);
      this.#unanswered++;
      return true;
    }
    const stored = this.#state.dedup.find(producer, sequence);
    if (stored !== undefined) {
      this.#context.metrics.duplicates.add();
      const { baseOffset, count, arrivalMs } = stored;
      reply({ baseOffset, count, arrivalMs, term: leader.term, duplicate: true });
      return true;
    }
    const newest = Math.max(leader.newest(producer), this.#state.dedup.newest(producer));
    requireRemembered(sequence, newest);
    return false;
  }

  #proposePending(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    let from = 0;
    while (from < pending.length) {
      const to = entryEnd(pending, from);
      const refusal = this.#propose(pending.slice(from, to));
      if (refusal !== undefined) {
        // What came after it must not overtake it.
        for (const batch of pending.slice(from)) this.#refuse(batch, refusal);
        return;
      }
      from = to;
    }
  }

  /** Why the batches could not be proposed, or `undefined` when they are on their way. */
  #propose(batches: readonly PendingBatch[]): StreamError | undefined {
    const leader = this.#leader;
    if (leader === undefined || !this.#group.isReadyLeader || this.#group.term !== leader.term) {
      return notLeader(this.#context, this.#group);
    }
    if (this.#state.sealed) return sealedShard(this.#state, this.#group.groupId, false);
    if (leader.sealingEpoch !== undefined) return this.#sealing(leader.sealingEpoch);
    const at = { baseOffset: leader.nextOffset, arrivalMs: this.#arrivalMs(leader) };
    const { data, count } = joinBatches(batches, at);
    let refused = false;
    let index = 0;
    const answer = this.#group.propose(data, leader.term, (error) => {
      if (refused) return;
      const refusal =
        error ??
        (this.#state.isBehindSeal(index)
          ? sealedShard(this.#state, this.#group.groupId, false)
          : undefined);
      if (refusal === undefined) this.#stored(leader, batches, at);
      else for (const batch of batches) this.#settle(leader, batch, refusal);
    });
    if (answer instanceof StreamError) {
      refused = true;
      return answer.code === "not-leader" ? notLeader(this.#context, this.#group) : answer;
    }
    index = answer.index;
    leader.proposed(count, at.arrivalMs);
    for (const batch of batches) batch.bytes = undefined;
    this.#context.metrics.batchesPerEntry.observe(batches.length);
    return undefined;
  }

  #stored(
    leader: LeaderTerm,
    batches: readonly PendingBatch[],
    at: { readonly baseOffset: number; readonly arrivalMs: number },
  ): void {
    const { metrics, clock } = this.#context;
    let baseOffset = at.baseOffset;
    for (const batch of batches) {
      const { count } = batch;
      metrics.recordsIn.add(count);
      metrics.bytesIn.add(batch.payloadBytes);
      metrics.appendSeconds.observe((clock.monotonicMs() - batch.arrivedAtMs) / 1000);
      metrics.duplicates.add(batch.replies.length - 1);
      const result = { baseOffset, count, arrivalMs: at.arrivalMs, term: leader.term };
      this.#forget(leader, batch);
      batch.replies.forEach((reply, index) => reply({ ...result, duplicate: index > 0 }));
      baseOffset += count;
    }
  }

  #refuse(batch: PendingBatch, refusal: StreamError): void {
    this.#limiter.returnWrite(batch.count, batch.payloadBytes);
    this.#settle(this.#leader, batch, refusal);
  }

  #settle(leader: LeaderTerm | undefined, batch: PendingBatch, outcome: StreamError): void {
    this.#forget(leader, batch);
    for (const reply of batch.replies) reply(outcome);
  }

  #forget(leader: LeaderTerm | undefined, batch: PendingBatch): void {
    leader?.end(batch);
    this.#unanswered -= batch.replies.length;
    this.#unansweredBytes -= batch.lengthBytes;
  }

  /** Not certain yet: the seal may be lost with this leader. The next one is ordered to seal as well. */
  #sealing(shardEpoch: number): StreamError {
    const message = `group ${this.#group.groupId} is being sealed`;
    return new StreamError("stale-epoch", message, { hint: { shardEpoch } });
  }

  /** Arrivals never go back (E2) and never lie before the shard's creation second. */
  #arrivalMs(leader: LeaderTerm): number {
    const createdAtMs = (this.#shard?.createdAtSec ?? 0) * 1000;
    return Math.max(leader.lastArrivalMs, this.#context.clock.nowMs(), createdAtMs);
  }

  #batchRules(shard: Shard): BatchRules {
    const stream = this.#context.view.stream(shard.account, shard.streamName);
    if (this.#rules !== undefined && this.#shard === shard && this.#stream === stream) {
      return this.#rules;
    }
    this.#shard = shard;
    this.#stream = stream;
    const dataBytesMax = stream === undefined ? Infinity : stream.maxRecordSizeKib * 1024;
    this.#rules = {
      bounds: new HashKeyBounds(shard.range),
      recordBytesMax: Math.min(dataBytesMax + PARTITION_KEY_BYTES_MAX, RECORD_BYTES_MAX),
      crc32: this.#context.crc32,
    };
    return this.#rules;
  }
}
