/**
 * A group's log as the consensus core wants to see it.
 *
 * The core reads synchronously; old entries are on disk. The first read of such entries says so
 * and asks for them; when they have come, the core asks again and finds them here.
 */
import type { ConfState, Entry, HardState, LogGap, Snapshot, Storage } from "@millrace/raft-ts";
import { entrySize } from "@millrace/raft-ts";
import type { GroupLog, StateSnapshot } from "@millrace/storage";

/** Reads from disk that are kept, of at most one append's bytes each: leader and applier may differ. */
const FETCHED_MAX = 2;

/** Asks for entries of [lo, hi), up to `maxBytes`, to be given to `keep`. */
export type FetchRequest = (lo: number, hi: number, maxBytes: number) => void;
/** The state at the applied index; undefined while it cannot be told. */
export type StateRequest = () => StateSnapshot | undefined;

export class RaftLogStorage implements Storage {
  readonly #log: GroupLog;
  readonly #request: FetchRequest;
  readonly #stateNow: StateRequest;
  #fetched: (readonly Entry[])[] = [];

  constructor(log: GroupLog, request: FetchRequest, stateNow: StateRequest) {
    this.#log = log;
    this.#request = request;
    this.#stateNow = stateNow;
  }

  initialState(): { hardState: HardState; confState: ConfState } {
    const { hardState, confState } = this.#log;
    const applied = this.#log.recoveredState().index;
    // What was applied was committed, though the commit index itself may not have been written.
    const commit = Math.max(hardState.commit, applied);
    return { hardState: { ...hardState, commit }, confState };
  }

  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    const found = this.#log.entries(lo, hi, maxBytes);
    if (found !== "temporarily-unavailable") return found;
    const kept = this.#kept(lo, hi, maxBytes);
    if (kept !== undefined) return kept;
    this.#request(lo, hi, maxBytes);
    return "temporarily-unavailable";
  }

  term(index: number): number | "compacted" | "unavailable" {
    return this.#log.term(index);
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  /**
   * The base state where the log goes on from it. A follower that has asked for one gets that of the
   * applied index; so does every follower when the base lies above the first entry, because
   * the log was shipped here.
   */
  snapshot(least: number): Snapshot | "temporarily-unavailable" {
    const base = this.#log.baseSnapshot();
    const isBelowLog = base.index < this.#log.firstIndex();
    const snapshot = least === 0 && isBelowLog ? base : this.#stateNow();
    if (snapshot === undefined) return "temporarily-unavailable";
    const { index, term, confState, state } = snapshot;
    return { index, term, confState, data: state };
  }

  keep(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#fetched = [entries, ...this.#fetched].slice(0, FETCHED_MAX);
  }

  forgetFetched(): void {
    this.#fetched = [];
  }

  /** Only committed entries leave memory, so what is kept here is never replaced by others. */
  #kept(lo: number, hi: number, maxBytes: number): readonly Entry[] | undefined {
    for (const entries of this.#fetched) {
      const first = entries[0]?.index ?? Infinity;
      const from = lo - first;
      if (from < 0 || from >= entries.length) continue;
      return prefix(entries, from, Math.min(entries.length, hi - first), maxBytes);
    }
    return undefined;
  }
}

/** At least one entry, and no more than fit in `maxBytes`. */
function prefix(
  entries: readonly Entry[],
  from: number,
  to: number,
  maxBytes: number,
): readonly Entry[] {
  let bytes = 0;
  for (let i = from; i < to; i += 1) {
    const entry = entries[i];
    if (entry === undefined) break;
    bytes += entrySize(entry);
    if (bytes > maxBytes && i > from) return entries.slice(from, i);
  }
  return entries.slice(from, to);
}
