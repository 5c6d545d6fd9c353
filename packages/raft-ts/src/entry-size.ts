/**
 * How large an entry counts, wherever a limit is in bytes.
 *
 * The formula is the size of the entry as a raftpb message. A host may encode differently; what
 * matters is that every limit in the group is measured with one ruler, and that it is the ruler
 * of the reference, so that its boundary cases hold here too.
 *
 * Source: raftpb `Entry` (fields type 1, term 2, index 3, data 4; proto2, all present but data).
 */
import type { Entry } from "./types.ts";

/** Bytes of an unsigned varint. */
function varintBytes(value: number): number {
  let bytes = 1;
  let rest = value;
  while (rest >= 128) {
    rest = Math.floor(rest / 128);
    bytes += 1;
  }
  return bytes;
}

/** Bytes of the entry as a raftpb message. */
export function entrySize(entry: Entry): number {
  const length = entry.data.length;
  const fixed = 2 + 1 + varintBytes(entry.term) + 1 + varintBytes(entry.index);
  return length === 0 ? fixed : fixed + 1 + varintBytes(length) + length;
}

/** Sum of {@link entrySize}. */
export function entriesSize(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entrySize(entry);
  return bytes;
}

/** Sum of the payload bytes: what the limits of uncommitted and in-flight data count. */
export function payloadsSize(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
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
