/**
 * A log in memory, for tests, examples and simulations.
 *
 * It keeps one entry below the log as the place of the newest compaction, so that the term just
 * before the first entry is known: an append is accepted by the term of its predecessor.
 *
 * Source: etcd-raft `storage`.
 */
import { limitEnd } from "./entry-size.ts";
import { RaftError, RaftPanic } from "./errors.ts";
import type { ConfState, Entry, HardState, LogGap, Snapshot, Storage } from "./types.ts";
import { EMPTY_CONF_STATE, EMPTY_DATA, EMPTY_HARD_STATE, NO_ENTRIES } from "./types.ts";

const EMPTY_SNAPSHOT: Snapshot = {
  index: 0,
  term: 0,
  confState: EMPTY_CONF_STATE,
  data: EMPTY_DATA,
};

function placeholder(index: number, term: number): Entry {
  return { index, term, type: "EntryNormal", data: EMPTY_DATA };
}

/** Everything a node must keep, in memory. */
export class MemoryStorage implements Storage {
  /** What `setHardState` was last given. */
  hardState: HardState = EMPTY_HARD_STATE;
  #snapshot: Snapshot;
  /** entries[0] is the place of the compaction; entries[i] has index entries[0].index + i. */
  #entries: Entry[] = [placeholder(0, 0)];

  /** @param confState the members that a new group starts with. @default nobody */
  constructor(confState: ConfState = EMPTY_CONF_STATE) {
    this.#snapshot = { ...EMPTY_SNAPSHOT, confState };
  }

  /** The last hard state, and the membership of the newest snapshot. */
  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.hardState, confState: this.#snapshot.confState };
  }

  /** See {@link Storage.entries}. @throws RaftPanic above the last index. */
  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    const offset = this.#offset();
    if (lo <= offset) return "compacted";
    if (hi > this.lastIndex() + 1) {
      throw new RaftPanic(`entries' hi(${hi}) is out of bound lastindex(${this.lastIndex()})`);
    }
    if (this.#entries.length === 1) return "unavailable";
    const end = limitEnd(this.#entries, lo - offset, hi - offset, maxBytes);
    return lo === hi ? NO_ENTRIES : this.#entries.slice(lo - offset, end);
  }

  /** See {@link Storage.term}. */
  term(index: number): number | "compacted" | "unavailable" {
    const offset = this.#offset();
    if (index < offset) return "compacted";
    return this.#entries[index - offset]?.term ?? "unavailable";
  }

  /** See {@link Storage.firstIndex}: just above the newest compaction. */
  firstIndex(): number {
    return this.#offset() + 1;
  }

  /** See {@link Storage.lastIndex}. */
  lastIndex(): number {
    return this.#offset() + this.#entries.length - 1;
  }

  /** What `createSnapshot` or `applySnapshot` made last; index 0 before that. */
  snapshot(): Snapshot | "temporarily-unavailable" {
    return this.#snapshot;
  }

  /** Keeps term, vote and commit index. */
  setHardState(hardState: HardState): void {
    this.hardState = hardState;
  }

  /**
   * Replaces the log by a snapshot, also by one of the same index: a follower that has asked for
   * one does not trust what it holds. @throws RaftError `snapshot-out-of-date`.
   */
  applySnapshot(snapshot: Snapshot): void {
    if (snapshot.index === 0 || snapshot.index < this.#snapshot.index) {
      throw new RaftError("snapshot-out-of-date");
    }
    this.#snapshot = snapshot;
    this.#entries = [placeholder(snapshot.index, snapshot.term)];
  }

  /**
   * Makes the snapshot of the state at `index`, which the host has applied.
   * @throws RaftError `snapshot-out-of-date`. @throws RaftPanic above the last index.
   */
  createSnapshot(index: number, confState: ConfState | undefined, data: Uint8Array): Snapshot {
    if (index <= this.#snapshot.index) throw new RaftError("snapshot-out-of-date");
    const term = this.term(index);
    if (index > this.lastIndex() || typeof term !== "number") {
      throw new RaftPanic(`snapshot ${index} is out of bound lastindex(${this.lastIndex()})`);
    }
    this.#snapshot = { index, term, data, confState: confState ?? this.#snapshot.confState };
    return this.#snapshot;
  }

  /** Drops entries up to `index`. @throws RaftError `compacted`. @throws RaftPanic above the end. */
  compact(index: number): void {
    const offset = this.#offset();
    if (index <= offset) throw new RaftError("compacted");
    if (index > this.lastIndex()) {
      throw new RaftPanic(`compact ${index} is out of bound lastindex(${this.lastIndex()})`);
    }
    const kept = this.#entries.slice(index - offset);
    const first = kept[0];
    if (first !== undefined) kept[0] = placeholder(first.index, first.term);
    this.#entries = kept;
  }

  /** Appends, replacing what followed the first of `entries`; skips what is compacted away. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (first.index + entries.length - 1 < this.firstIndex()) return;
    const offset = this.#offset();
    const fresh = first.index > offset ? entries : entries.slice(offset + 1 - first.index);
    const at = Math.max(first.index, offset + 1) - offset;
    if (at > this.#entries.length) {
      throw new RaftPanic(
        `missing log entry [last: ${this.lastIndex()}, append at: ${first.index}]`,
      );
    }
    this.#entries.length = at;
    for (const entry of fresh) this.#entries.push(entry);
  }

  #offset(): number {
    return this.#entries[0]?.index ?? 0;
  }
}
