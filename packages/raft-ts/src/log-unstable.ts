/**
 * The end of the log that is not durable yet.
 *
 * `entries[i]` has index `offset + i`. Entries below `offsetInProgress` have been handed out for
 * writing; those above have not. Storage may hold other entries at the same indexes (an older
 * leader's): what is here wins, and overwrites them when it is written.
 *
 *   U1  offset <= offsetInProgress <= offset + entries.length
 *   U2  a snapshot here has index offset - 1, or entries below its end are already durable
 *   U3  an acknowledged write removes entries only if index and term are those still held
 *
 * U3 is the guard against a write that was overtaken by a truncation.
 *
 * Source: etcd-raft `log_unstable`.
 */
import { limitEnd } from "./entry-size.ts";
import type { RaftLogger } from "./logger.ts";
import type { Entry, EntryId, Snapshot } from "./types.ts";
import { NO_ENTRIES } from "./types.ts";

/** Entries of [lo, hi), cut to `maxBytes`; true as long as none of them is replaced. */
interface Slice {
  readonly lo: number;
  readonly hi: number;
  readonly maxBytes: number;
  readonly entries: readonly Entry[];
}

/** Entries and snapshot on their way to storage. */
export class UnstableLog {
  snapshot: Snapshot | undefined;
  snapshotInProgress = false;
  entries: Entry[] = [];
  /** Index of the first entry here, present or future. */
  offset: number;
  /** Entries below this index are being written. */
  offsetInProgress: number;
  /** The list that was handed out last: two followers and the disk mostly want the same one. */
  #lastSlice: Slice | undefined;
  readonly #logger: RaftLogger | undefined;

  constructor(offset: number, logger?: RaftLogger) {
    this.offset = offset;
    this.offsetInProgress = offset;
    this.#logger = logger;
  }

  /** The first index of the whole log, if a snapshot here decides it. */
  firstIndex(): number | undefined {
    return this.snapshot === undefined ? undefined : this.snapshot.index + 1;
  }

  /** The last index of the whole log, if anything here decides it. */
  lastIndex(): number | undefined {
    if (this.entries.length > 0) return this.offset + this.entries.length - 1;
    return this.snapshot?.index;
  }

  /** The term at `index`, if it is known here. */
  term(index: number): number | undefined {
    if (index < this.offset) {
      return this.snapshot?.index === index ? this.snapshot.term : undefined;
    }
    return this.entries[index - this.offset]?.term;
  }

  /** Entries that nobody is writing yet. */
  nextEntries(): readonly Entry[] {
    const from = this.offsetInProgress - this.offset;
    if (from === this.entries.length) return NO_ENTRIES;
    return this.slice(this.offsetInProgress, this.offset + this.entries.length, Infinity);
  }

  /** Entries of [lo, hi), which must all be here: as many as fit in `maxBytes`, at least one. */
  slice(lo: number, hi: number, maxBytes: number): readonly Entry[] {
    const last = this.#lastSlice;
    if (last !== undefined && last.lo === lo && last.hi === hi) {
      const isWhole = last.entries.length === hi - lo;
      if (last.maxBytes === maxBytes || (isWhole && maxBytes > last.maxBytes)) return last.entries;
    }
    const end = limitEnd(this.entries, lo - this.offset, hi - this.offset, maxBytes);
    const entries = this.entries.slice(lo - this.offset, end);
    this.#lastSlice = { lo, hi, maxBytes, entries };
    return entries;
  }

  hasNextEntries(): boolean {
    return this.offsetInProgress - this.offset < this.entries.length;
  }

  /** The snapshot, if nobody is writing it yet. */
  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  /** Notes that everything here has been handed out for writing. */
  acceptInProgress(): void {
    this.offsetInProgress = this.offset + this.entries.length;
    if (this.snapshot !== undefined) this.snapshotInProgress = true;
  }

  /** Drops the entries up to `id`, which storage now holds (U3). */
  stableTo(id: EntryId): void {
    const term = this.term(id.index);
    if (term === undefined) {
      this.#logger?.info(`entry at index ${id.index} missing from unstable log; ignoring`);
      return;
    }
    if (id.index < this.offset) {
      this.#logger?.info(`entry at index ${id.index} matched unstable snapshot; ignoring`);
      return;
    }
    if (term !== id.term) {
      this.#logger?.info(
        `entry at (index,term)=(${id.index},${id.term}) mismatched with ` +
          `entry at (${id.index},${term}) in unstable log; ignoring`,
      );
      return;
    }
    this.entries.splice(0, id.index + 1 - this.offset);
    this.#lastSlice = undefined; // it would keep the payloads alive
    this.offset = id.index + 1;
    this.offsetInProgress = Math.max(this.offsetInProgress, this.offset);
  }

  /** Drops the snapshot, which storage now holds. A later one stays. */
  stableSnapshotTo(index: number): void {
    if (this.snapshot?.index !== index) return;
    this.snapshot = undefined;
    this.snapshotInProgress = false;
  }

  /** Replaces everything by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.offset = snapshot.index + 1;
    this.offsetInProgress = this.offset;
    this.entries = [];
    this.#lastSlice = undefined;
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  /** Appends, replacing whatever was at or after the first of `entries`. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const from = first.index;
    if (from === this.offset + this.entries.length) {
      for (const entry of entries) this.entries.push(entry);
      return;
    }
    this.#lastSlice = undefined;
    if (from <= this.offset) {
      this.#logger?.info(`replace the unstable entries from index ${from}`);
      this.entries = [...entries];
      this.offset = from;
      this.offsetInProgress = from;
    } else {
      this.#logger?.info(`truncate the unstable entries before index ${from}`);
      this.entries = [...this.entries.slice(0, from - this.offset), ...entries];
      // Entries from here on must be written again, in their new form.
      this.offsetInProgress = Math.min(this.offsetInProgress, from);
    }
  }
}
