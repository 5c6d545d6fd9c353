/**
 * The log as one sequence: what storage holds, then what is still unstable.
 *
 *   L1  applied <= applying <= committed <= lastIndex
 *   L2  committed never falls, and entries at or below it are never replaced
 *   L3  two logs that agree on (index, term) agree on everything before it
 *
 * Everything that would break L1 or L2 throws: it means that durable data was lost or damaged, and
 * answering on top of it could hand out a commit that others do not have.
 *
 * Source: Ongaro thesis 3.5 and 3.6; etcd-raft `log`.
 */
import { entriesSize, limitEnd } from "./entry-size.ts";
import { RaftPanic } from "./errors.ts";
import { UnstableLog } from "./log-unstable.ts";
import type { RaftLogger } from "./logger.ts";
import type { Entry, EntryId, LogGap, Snapshot, Storage } from "./types.ts";
import { NO_ENTRIES } from "./types.ts";

/** The log of one node, durable and unstable. */
export class RaftLog {
  readonly storage: Storage;
  readonly unstable: UnstableLog;
  /** Highest index known to be on a quorum. */
  committed: number;
  /** Highest index handed out to be applied. */
  applying: number;
  /** Highest index reported as applied. */
  applied: number;
  /** Bytes of committed entries that may be out for applying at once. */
  readonly maxApplyingEntsSize: number;
  applyingEntsSize = 0;
  applyingEntsPaused = false;
  /** Entries to apply were on disk only; set until the host says they are there. */
  awaitsCommittedEntries = false;
  readonly #logger: RaftLogger | undefined;

  constructor(storage: Storage, maxApplyingEntsSize = Infinity, logger?: RaftLogger) {
    const firstIndex = storage.firstIndex();
    this.storage = storage;
    this.unstable = new UnstableLog(storage.lastIndex() + 1, logger);
    this.committed = firstIndex - 1;
    this.applying = firstIndex - 1;
    this.applied = firstIndex - 1;
    this.maxApplyingEntsSize = maxApplyingEntsSize;
    this.#logger = logger;
  }

  toString(): string {
    return (
      `committed=${this.committed}, applied=${this.applied}, applying=${this.applying}, ` +
      `unstable.offset=${this.unstable.offset}, ` +
      `unstable.offsetInProgress=${this.unstable.offsetInProgress}, ` +
      `len(unstable.Entries)=${this.unstable.entries.length}`
    );
  }

  firstIndex(): number {
    return this.unstable.firstIndex() ?? this.storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.storage.lastIndex();
  }

  /** Term at `index`, which may be as low as firstIndex - 1. */
  term(index: number): number | "compacted" | "unavailable" {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    if (index + 1 < this.firstIndex()) return "compacted";
    if (index > this.lastIndex()) return "unavailable";
    return this.storage.term(index);
  }

  /** Term at `index`, or 0 where the log has none. */
  termOrZero(index: number): number {
    const term = this.term(index);
    return typeof term === "number" ? term : 0;
  }

  /** Term of the last entry. @throws RaftPanic if storage has lost it. */
  lastTerm(): number {
    const index = this.lastIndex();
    const term = this.term(index);
    if (typeof term === "number") return term;
    throw new RaftPanic(`unexpected error when getting the last term at ${index}: ${term}`);
  }

  lastEntryId(): EntryId {
    return { term: this.lastTerm(), index: this.lastIndex() };
  }

  matchTerm(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** True if a log that ends in `last` has everything that can be committed here (thesis 3.6.1). */
  isUpToDate(lastTerm: number, lastIndex: number): boolean {
    const ours = this.lastTerm();
    return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex());
  }

  /**
   * Appends what a leader sent after (`prevIndex`, `prevTerm`) and takes over its commit index.
   * Returns the index of the last entry now known to match, or undefined if the logs differ.
   */
  maybeAppend(
    prevIndex: number,
    prevTerm: number,
    entries: readonly Entry[],
    committed: number,
  ): number | undefined {
    if (!this.matchTerm(prevIndex, prevTerm)) return undefined;
    const last = prevIndex + entries.length;
    const conflict = this.findConflict(entries);
    if (conflict !== 0) {
      if (conflict <= this.committed) {
        throw new RaftPanic(
          `entry ${conflict} conflict with committed entry [committed(${this.committed})]`,
        );
      }
      this.append(conflict === prevIndex + 1 ? entries : entries.slice(conflict - prevIndex - 1));
    }
    this.commitTo(Math.min(committed, last));
    return last;
  }

  /** Appends, replacing what followed; returns the new last index. */
  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first === undefined) return this.lastIndex();
    if (first.index - 1 < this.committed) {
      throw new RaftPanic(
        `after(${first.index - 1}) is out of range [committed(${this.committed})]`,
      );
    }
    this.unstable.truncateAndAppend(entries);
    return this.lastIndex();
  }

  /**
   * Index of the first of `entries` that is not in the log as it is: a conflict, or the first new
   * one. 0 if all are there. The entries must be consecutive.
   */
  findConflict(entries: readonly Entry[]): number {
    for (let i = 0; i < entries.length; i += 1) {
      const entry = entries[i];
      if (entry === undefined || this.matchTerm(entry.index, entry.term)) continue;
      if (entry.index <= this.lastIndex()) {
        this.#logger?.info(
          `found conflict at index ${entry.index} [existing term: ` +
            `${this.termOrZero(entry.index)}, conflicting term: ${entry.term}]`,
        );
      }
      return entry.index;
    }
    return 0;
  }

  /**
   * The last index at or below `index` whose term is at most `term`: the best guess of where two
   * logs agree when one has `term` at `index`. The term is 0 where it is not known any more.
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let at = index; at > 0; at -= 1) {
      const ours = this.term(at);
      if (typeof ours !== "number") return { index: at, term: 0 };
      if (ours <= term) return { index: at, term: ours };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: number): void {
    if (index <= this.committed) return; // L2
    const last = this.lastIndex();
    if (index > last) {
      throw new RaftPanic(
        `tocommit(${index}) is out of range [lastIndex(${last})]. ` +
          "Was the raft log corrupted, truncated, or lost?",
      );
    }
    this.committed = index;
  }

  /** Commits up to `index` if the entry there has `term` (thesis 3.6.2). */
  maybeCommit(index: number, term: number): boolean {
    if (term === 0 || index <= this.committed || !this.matchTerm(index, term)) return false;
    this.commitTo(index);
    return true;
  }

  // ---- Work for storage ----

  hasNextOrInProgressUnstableEntries(): boolean {
    return this.unstable.entries.length > 0;
  }

  hasNextOrInProgressSnapshot(): boolean {
    return this.unstable.snapshot !== undefined;
  }

  hasNextUnstableSnapshot(): boolean {
    return this.unstable.nextSnapshot() !== undefined;
  }

  // ---- Work for the state machine ----

  /**
   * Committed entries to apply now. With `allowUnstable` those that are not durable here may be
   * among them; the synchronous host writes before it applies, so it may.
   */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return NO_ENTRIES;
    const bytes = this.maxApplyingEntsSize - this.applyingEntsSize;
    if (bytes <= 0) {
      throw new RaftPanic(
        `applying entry size (${this.maxApplyingEntsSize}-${this.applyingEntsSize})=${bytes} ` +
          "not positive",
      );
    }
    const from = this.applying + 1;
    const entries = this.slice(from, this.#maxAppliableIndex(allowUnstable) + 1, bytes);
    if (typeof entries !== "string") return entries;
    if (entries === "temporarily-unavailable") {
      this.awaitsCommittedEntries = true;
      return NO_ENTRIES;
    }
    throw new RaftPanic(`unexpected error when getting unapplied entries (${entries})`);
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    if (this.applyingEntsPaused || this.awaitsCommittedEntries) return false;
    // A snapshot that is being installed replaces the state that entries would be applied to.
    if (this.hasNextOrInProgressSnapshot()) return false;
    return this.#maxAppliableIndex(allowUnstable) > this.applying;
  }

  /** Notes that entries up to `index`, of so many bytes, were handed out to be applied. */
  acceptApplying(index: number, bytes: number, allowUnstable: boolean): void {
    if (index > this.committed) {
      throw new RaftPanic(
        `applying(${index}) is out of range [prevApplying(${this.applying}), ` +
          `committed(${this.committed})]`,
      );
    }
    this.applying = index;
    this.applyingEntsSize += bytes;
    // If less was handed out than could be, the limit cut it; wait for room before the next
    // lot, or the lots would shrink to one entry each.
    this.applyingEntsPaused =
      this.applyingEntsSize >= this.maxApplyingEntsSize ||
      index < this.#maxAppliableIndex(allowUnstable);
  }

  appliedTo(index: number, bytes: number): void {
    if (index > this.committed || index < this.applied) {
      throw new RaftPanic(
        `applied(${index}) is out of range [prevApplied(${this.applied}), ` +
          `committed(${this.committed})]`,
      );
    }
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.applyingEntsSize = Math.max(0, this.applyingEntsSize - bytes);
    this.applyingEntsPaused = this.applyingEntsSize >= this.maxApplyingEntsSize;
  }

  #maxAppliableIndex(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }

  // ---- Reading ----

  /** See `Storage.snapshot`; an answer below `least` is possible. */
  snapshot(least = 0): Snapshot | "temporarily-unavailable" {
    return this.unstable.snapshot ?? this.storage.snapshot(least);
  }

  /** Entries from `from` to the end, at least one if there is one, within `maxBytes`. */
  entries(from: number, maxBytes: number): readonly Entry[] | LogGap {
    const last = this.lastIndex();
    return from > last ? NO_ENTRIES : this.slice(from, last + 1, maxBytes);
  }

  /** Entries of [lo, hi), at least one, within `maxBytes`; never less than storage could give. */
  slice(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    const outside = this.#checkBounds(lo, hi);
    if (outside !== undefined) return outside;
    if (lo === hi) return NO_ENTRIES;
    const { offset, entries: unstable } = this.unstable;
    if (lo >= offset) return this.unstable.slice(lo, hi, maxBytes);
    const cut = Math.min(hi, offset);
    const stored = this.storage.entries(lo, cut, maxBytes);
    if (typeof stored === "string") {
      if (stored !== "unavailable") return stored;
      throw new RaftPanic(`entries[${lo}:${cut}) is unavailable from storage`);
    }
    if (hi <= offset || stored.length < cut - lo) return stored;
    const room = maxBytes === Infinity ? Infinity : maxBytes - entriesSize(stored);
    if (room <= 0) return stored;
    const end = limitEnd(unstable, 0, hi - offset, room);
    // One unstable entry is always offered; here that could break the limit.
    const first = unstable[0];
    if (end === 1 && first !== undefined && entriesSize([first]) > room) return stored;
    return [...stored, ...unstable.slice(0, end)];
  }

  /** Replaces the whole log by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.#logger?.info(
      `log [${this.toString()}] starts to restore snapshot ` +
        `[index: ${snapshot.index}, term: ${snapshot.term}]`,
    );
    this.committed = snapshot.index;
    this.unstable.restore(snapshot);
  }

  #checkBounds(lo: number, hi: number): "compacted" | undefined {
    if (lo > hi) throw new RaftPanic(`invalid slice ${lo} > ${hi}`);
    const first = this.firstIndex();
    if (lo < first) return "compacted";
    const last = this.lastIndex();
    if (hi > last + 1) {
      throw new RaftPanic(`slice[${lo},${hi}) out of bound [${first},${last}]`);
    }
    return undefined;
  }
}
