/**
 * Records in an entry. Only normal entries are asked: the data of a membership change is Raft's own,
 * and read as records it would move offsets, or throw and fail the lane.
 */
import type { EntryMeta, EntryMetaReader, LogEntry } from "./types.ts";

/** Fills `into` and returns true when `entry` holds records. */
export function holdsRecords(
  read: EntryMetaReader,
  { type, data }: LogEntry,
  into: EntryMeta,
): boolean {
  return type === "EntryNormal" && read(data, into);
}
