/**
 * How large an entry counts, wherever a limit is in bytes.
 *
 * The formula is the size of the entry as a raftpb message. A host may encode differently; what
 * matters is that every limit in the group is measured with one ruler, and that it is the ruler
 * of the reference, so that its boundary cases hold here too.
 *
 * Source: raftpb `Entry` (fields type 1, term 2, index 3, data 4; proto2). etcd-raft v3.7 leaves the
 * type of a normal entry and empty data out, and writes the rest whatever it is.
 */
import type { Entry } from "./types.ts";

/** Bytes of an unsigned varint. */
function varintBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  if (value < 2_097_152) return 3;
  if (value < 268_435_456) return 4;
  return 4 + varintBytes(Math.floor(value / 268_435_456));
}

/** Bytes of the entry as a raftpb message. */
export function entrySize(entry: Entry): number {
  const length = entry.data.length;
  const type = entry.type === "EntryNormal" ? 0 : 2;
  const fixed = type + 1 + varintBytes(entry.term) + 1 + varintBytes(entry.index);
  return length === 0 ? fixed : fixed + 1 + varintBytes(length) + length;
}

/** Sum of {@link entrySize}. */
export function entriesSize(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let i = 0; i < entries.length; i += 1) {
    const entry = entries[i];
    if (entry !== undefined) bytes += entrySize(entry);
  }
  return bytes;
}

/** Sum of the payload bytes: what the limits of uncommitted and in-flight data count. */
export function payloadsSize(entries: readonly Entry[]): number {
  let bytes = 0;
  // By place, here and wherever entries pass: where the empty list, which is frozen, was seen, an
  // iterator is not compiled away and makes an object for every entry.
  for (let i = 0; i < entries.length; i += 1) bytes += entries[i]?.data.length ?? 0;
  return bytes;
}

/**
 * The longest prefix of [from, to) that fits in `maxBytes`, as its end; at least one entry, or a
 * limit below the size of an entry would stop the log for good.
 */
export function limitEnd(
  entries: readonly Entry[],
  from: number,
  to: number,
  maxBytes: number,
): number {
  if (maxBytes === Infinity) return to;
  let bytes = 0;
  for (let i = from; i < to; i += 1) {
    const entry = entries[i];
    if (entry === undefined) return i;
    bytes += entrySize(entry);
    if (bytes > maxBytes && i > from) return i;
  }
  return to;
}
