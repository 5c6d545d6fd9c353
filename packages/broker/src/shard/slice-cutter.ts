/**
 * Cuts a page of records out of log entries: views of the entries' own bytes, no object per record.
 *
 * A page is the longest run of records from an offset on that keeps both budgets, except that the
 * first record comes whatever its size, or a reader with a small budget would never move on.
 * Whole batches are taken by their header alone; only the first and the last are walked by record.
 */
import { invariant } from "@millrace/base";
import {
  BATCH_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  prefixWithin,
  readEntryHeader,
  RECORD_HEADER_BYTES,
  viewOf,
} from "@millrace/model";

import type { LogEntry } from "../ports.ts";
import { batchCount, batchLength, batchPayloadBytes } from "./batch-walk.ts";

/** Neighbouring records with one arrival time. */
export interface RecordSlice {
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
  /** Encoded records back to back as in record-batch.ts: one view per batch of the entry. */
  readonly records: readonly Uint8Array[];
}

/** The slice of the entry at hand. */
interface OpenSlice {
  readonly baseOffset: number;
  count: number;
  readonly arrivalMs: number;
  readonly records: Uint8Array[];
}

export class SliceCutter {
  readonly slices: RecordSlice[] = [];
  #nextOffset: number;
  #recordsLeft: number;
  #bytesLeft: number;
  #payloadBytes = 0;
  #full = false;
  #taken = false;

  /** @param payloadBytesMax data plus partition keys, as limits count them. */
  constructor(offset: number, recordsMax: number, payloadBytesMax: number) {
    this.#nextOffset = offset;
    this.#recordsLeft = recordsMax;
    this.#bytesLeft = payloadBytesMax;
  }

  /** First record that is not in the page. */
  get nextOffset(): number {
    return this.#nextOffset;
  }
  get payloadBytes(): number {
    return this.#payloadBytes;
  }
  /** The next record does not fit. */
  get full(): boolean {
    return this.#full;
  }
  /** Payload that would still fit: how much to ask the log for. */
  get bytesLeft(): number {
    return Math.max(0, this.#bytesLeft);
  }

  /** Takes what fits of one entry; entries come in log order. What is below the offset, commands and Raft's own entries give nothing. */
  add({ type, data }: LogEntry): void {
    if (type !== "EntryNormal" || data.byteLength === 0) return;
    const header = readEntryHeader(data);
    if (header.kind !== "records") return;
    const view = viewOf(data);
    const slice: OpenSlice = {
      baseOffset: this.#nextOffset,
      count: 0,
      arrivalMs: header.arrivalMs,
      records: [],
    };
    let at = ENTRY_HEADER_BYTES;
    let base = header.baseOffset;
    for (let left = header.batchCount; left > 0 && !this.#full; left--) {
      const length = batchLength(view, at);
      const count = batchCount(view, at);
      if (base + count > this.#nextOffset) {
        this.#takeBatch(data, view, { at, length, count, base }, slice);
      }
      base += count;
      at += length;
    }
    if (slice.count > 0) this.slices.push(slice);
  }

  #takeBatch(data: Uint8Array, view: DataView, batch: BatchPlace, slice: OpenSlice): void {
    invariant(
      batch.base <= this.#nextOffset,
      () => `records ${this.#nextOffset}..${batch.base - 1} are missing from the log (S1)`,
    );
    const skipped = this.#nextOffset - batch.base;
    const from = skipRecords(view, batch.at + BATCH_HEADER_BYTES, skipped);
    const payloadBytes = batchPayloadBytes(batch.length, batch.count);
    const whole =
      skipped === 0 && batch.count <= this.#recordsLeft && payloadBytes <= this.#bytesLeft;
    const part = whole
      ? { count: batch.count, endAt: batch.at + batch.length, payloadBytes }
      : this.#prefix(view, from, batch.count - skipped);
    this.#full = part.count < batch.count - skipped || this.#recordsLeft === part.count;
    if (part.count === 0) return;
    slice.records.push(data.subarray(from, part.endAt));
    slice.count += part.count;
    this.#taken = true;
    this.#nextOffset += part.count;
    this.#recordsLeft -= part.count;
    this.#bytesLeft -= part.payloadBytes;
    this.#payloadBytes += part.payloadBytes;
  }

  #prefix(view: DataView, from: number, count: number): ReturnType<typeof prefixWithin> {
    const first = view.getUint32(from, true) + 4 - RECORD_HEADER_BYTES;
    const empty = { count: 0, endAt: from, payloadBytes: 0 };
    if (this.#taken && first > this.#bytesLeft) return empty;
    return prefixWithin(view, from, count, this.#recordsLeft, this.#bytesLeft);
  }
}

interface BatchPlace {
  readonly at: number;
  readonly length: number;
  readonly count: number;
  readonly base: number;
}

function skipRecords(view: DataView, from: number, count: number): number {
  let at = from;
  for (let left = count; left > 0; left--) at += 4 + view.getUint32(at, true);
  return at;
}
