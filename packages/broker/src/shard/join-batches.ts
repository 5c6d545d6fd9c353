/** Joins batches into the data of one log entry: the one copy between the network and the log. */
import { ENTRY_HEADER_BYTES, writeRecordsHeader } from "@millrace/model";

import { ENTRY_BYTES_TARGET } from "../bounds.ts";
import type { PendingBatch } from "./leader-term.ts";

/** End of the run from `from` on that makes one entry: up to the target, or one batch that is larger. */
export function entryEnd(batches: readonly PendingBatch[], from: number): number {
  let bytes = ENTRY_HEADER_BYTES;
  let to = from;
  for (let batch = batches[to]; batch !== undefined; batch = batches[to]) {
    bytes += batch.lengthBytes;
    if (to > from && bytes > ENTRY_BYTES_TARGET) break;
    to++;
  }
  return to;
}

export function joinBatches(
  batches: readonly PendingBatch[],
  at: { readonly baseOffset: number; readonly arrivalMs: number },
): { readonly data: Uint8Array; readonly count: number } {
  const bytes = batches.reduce((sum, batch) => sum + batch.lengthBytes, ENTRY_HEADER_BYTES);
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  // Of its own, not of the shared pool: a small entry kept in memory must not hold a slab. All of it is written below.
  const data = Buffer.allocUnsafeSlow(bytes);
  writeRecordsHeader(data, { ...at, count, batchCount: batches.length });
  let to = ENTRY_HEADER_BYTES;
  for (const batch of batches) {
    if (batch.bytes !== undefined) data.set(batch.bytes, to);
    to += batch.lengthBytes;
  }
  return { data, count };
}
