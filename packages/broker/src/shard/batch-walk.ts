/**
 * Walks the batches inside a records entry by the two fields needed, without an object per batch.
 * The layout is that of @millrace/model, record-batch.ts; batches were checked when they came in.
 */
import { StreamError } from "@millrace/base";
import { BATCH_HEADER_BYTES, RECORD_HEADER_BYTES, safeU64 } from "@millrace/model";

import type { ProducerKey } from "./dedup-table.ts";

const LENGTH_AT = 8;
const COUNT_AT = 12;
const PRODUCER_AT = 16;
const SEQUENCE_AT = 24;

/** Bytes of the batch that starts at `at`. @throws StreamError `corrupt` when it leaves the entry. */
export function batchLength(view: DataView, at: number): number {
  const available = view.byteLength - at;
  const length = available < BATCH_HEADER_BYTES ? 0 : view.getUint32(at + LENGTH_AT, true);
  if (length >= BATCH_HEADER_BYTES && length <= available) return length;
  throw new StreamError("corrupt", `log entry: no batch fits in the ${available} bytes at ${at}`);
}

export function batchCount(view: DataView, at: number): number {
  return view.getUint32(at + COUNT_AT, true);
}

/** Data plus partition keys of a whole batch. */
export function batchPayloadBytes(length: number, count: number): number {
  return length - BATCH_HEADER_BYTES - count * RECORD_HEADER_BYTES;
}

/** The producer of a batch; 0n without a bigint made for the many batches that have none. */
export function batchProducer(view: DataView, at: number): ProducerKey {
  const none =
    view.getUint32(at + PRODUCER_AT, true) === 0 &&
    view.getUint32(at + PRODUCER_AT + 4, true) === 0;
  return none ? 0n : view.getBigUint64(at + PRODUCER_AT);
}

export function batchSequence(view: DataView, at: number): number {
  return safeU64("producerSequence", view, at + SEQUENCE_AT);
}
