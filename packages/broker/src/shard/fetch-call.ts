/**
 * One Fetch: a page of committed records, or a wait for the first of them.
 *
 * Only what this replica has applied is read, so nothing uncommitted is ever seen; only a ready
 * leader answers, so an offset that one leader showed is never missing at the next (S5).
 * Pages are views of the log's own memory; what is no longer there is read from disk in one run.
 */
import { asStreamError, requireWithin, StreamError } from "@millrace/base";
import { READ_BYTES_MAX, READ_RECORDS_MAX } from "@millrace/model";

import { FETCH_WAIT_MS_MAX } from "../bounds.ts";
import type { BrokerContext } from "../context.ts";
import type { HostedShard } from "./hosted-shard.ts";
import { requireReadyLeader } from "./shard-access.ts";
import type { RecordSlice } from "./slice-cutter.ts";
import { SliceCutter } from "./slice-cutter.ts";

export interface FetchRequest {
  readonly offset: number;
  /** Data plus partition keys, 1..10 MiB. */
  readonly maxBytes: number;
  /** 1..10,000. */
  readonly maxRecords: number;
  /** 0..30,000 ms. */
  readonly waitMs: number;
  /** Counts against the shard's read limits. */
  readonly limited: boolean;
}

export interface FetchPage {
  readonly slices: readonly RecordSlice[];
  /** Where the next fetch should start. */
  readonly nextOffset: number;
  /** One past the newest committed record. */
  readonly endOffset: number;
  readonly trimOffset: number;
  readonly term: number;
  readonly nowMs: number;
  /** `endOffset` is final. */
  readonly sealed: boolean;
}
/** Called at most once, not after `cancel`. */
export type FetchReply = (outcome: FetchPage | StreamError) => void;

/** Room for the headers around a page's payload when the log is asked for it. */
const HEADROOM_BYTES = 4096;
/** A page is trimmed away while it is read at most this often before the reader is told to come again. */
const TRIM_RETRIES = 3;

export class FetchCall {
  readonly #context: BrokerContext;
  readonly #hosted: HostedShard;
  readonly #request: FetchRequest;
  readonly #reply: FetchReply;
  #stopWaiting: (() => void) | undefined;
  #over = false;

  constructor(
    context: BrokerContext,
    hosted: HostedShard,
    request: FetchRequest,
    reply: FetchReply,
  ) {
    this.#context = context;
    this.#hosted = hosted;
    this.#request = request;
    this.#reply = reply;
  }

  start(): void {
    try {
      this.#begin();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The caller went away: nothing is answered any more. */
  cancel(): void {
    this.#over = true;
    this.#stopWaiting?.();
  }

  #begin(): void {
    const { maxBytes, maxRecords, waitMs, limited } = this.#request;
    requireWithin("max_bytes", maxBytes, 1, READ_BYTES_MAX);
    requireWithin("max_records", maxRecords, 1, READ_RECORDS_MAX);
    requireWithin("wait_ms", waitMs, 0, FETCH_WAIT_MS_MAX);
    requireReadyLeader(this.#context, this.#hosted.group);
    if (limited) this.#hosted.followLimits().takeReadCall(this.#context.clock.monotonicMs());
    const { state, tail } = this.#hosted;
    const offset = this.#from();
    if (offset < state.nextOffset || waitMs === 0 || state.sealed) return this.#answer();
    this.#stopWaiting = tail.wait(offset, waitMs, () => {
      try {
        requireReadyLeader(this.#context, this.#hosted.group);
        this.#answer();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** What was asked for, or the trim point where that is later. */
  #from(): number {
    return Math.max(this.#request.offset, this.#hosted.state.trimOffset);
  }

  #cutter(): SliceCutter {
    return new SliceCutter(this.#from(), this.#request.maxRecords, this.#request.maxBytes);
  }

  #answer(): void {
    const cutter = this.#cutter();
    if (this.#fromMemory(cutter)) this.#finish(cutter);
    else void this.#fromDisk();
  }

  /** False when the page's first record is not in memory. */
  #fromMemory(cutter: SliceCutter): boolean {
    const { state, group, readableIndex } = this.#hosted;
    if (cutter.nextOffset >= state.nextOffset) return true;
    let index = group.log.locateOffset(cutter.nextOffset);
    if (typeof index !== "number") return false;
    while (!cutter.full && index <= readableIndex && cutter.nextOffset < state.nextOffset) {
      const bytes = cutter.bytesLeft + HEADROOM_BYTES;
      const entries = group.log.entries(index, readableIndex + 1, bytes);
      if (typeof entries === "string") return cutter.slices.length > 0; // the rest comes with the next call
      for (const entry of entries) {
        cutter.add(entry);
        index = entry.index + 1;
        if (cutter.full) break;
      }
      if (entries.length === 0) break;
    }
    return cutter.slices.length > 0;
  }

  async #fromDisk(): Promise<void> {
    try {
      const cutter = await this.#context.disk.run(() => this.#readDisk());
      // Deposed meanwhile, this replica's end is not the shard's, and its term is the next leader's.
      requireReadyLeader(this.#context, this.#hosted.group);
      this.#finish(cutter);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #readDisk(): Promise<SliceCutter> {
    for (let attempt = 0; attempt <= TRIM_RETRIES && !this.#over; attempt++) {
      const cutter = this.#cutter();
      const from = cutter.nextOffset;
      const error = await this.#readRun(cutter);
      if (cutter.slices.length > 0 || from >= this.#hosted.state.nextOffset) return cutter;
      if (this.#hosted.state.trimOffset <= from) throw error ?? this.#missing(from);
    }
    throw new StreamError("unavailable", "the records were trimmed while they were read");
  }

  async #readRun(cutter: SliceCutter): Promise<StreamError | undefined> {
    const { log } = this.#hosted.group;
    try {
      const index = await log.locateOffsetAsync(cutter.nextOffset);
      if (index === undefined) return undefined;
      const hi = this.#hosted.readableIndex + 1;
      const entries = await log.fetchEntries(index, hi, cutter.bytesLeft + HEADROOM_BYTES);
      for (const entry of entries) {
        cutter.add(entry);
        if (cutter.full) break;
      }
      return undefined;
    } catch (error) {
      return asStreamError(error);
    }
  }

  #missing(offset: number): StreamError {
    const { group, state } = this.#hosted;
    return new StreamError(
      "corrupt",
      `group ${group.groupId}: record ${offset} of ${state.trimOffset}..${state.nextOffset - 1} is in no log entry`,
    );
  }

  #finish(cutter: SliceCutter): void {
    if (this.#over) return;
    this.#over = true;
    const { state, group, limiter } = this.#hosted;
    const { metrics, clock } = this.#context;
    if (this.#request.limited) limiter.tookRead(cutter.payloadBytes);
    metrics.recordsOut.add(cutter.slices.reduce((sum, slice) => sum + slice.count, 0));
    metrics.bytesOut.add(cutter.payloadBytes);
    this.#reply({
      slices: cutter.slices,
      nextOffset: cutter.nextOffset,
      endOffset: state.nextOffset,
      trimOffset: state.trimOffset,
      term: group.term,
      nowMs: clock.nowMs(),
      sealed: state.sealed,
    });
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const refusal = asStreamError(error);
    if (refusal.code === "throttled") this.#context.metrics.throttledReads.add();
    this.#reply(refusal);
  }
}
