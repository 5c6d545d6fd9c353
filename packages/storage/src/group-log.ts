/** One replica's log as the host sees it. Reads are synchronous where memory can answer. */
import type { IndexRange, LogChunk } from "./healing-types.ts";
import type {
  ConfState,
  EntriesAnswer,
  HardState,
  LocateAnswer,
  LogEntry,
  StateSnapshot,
  TermAnswer,
} from "./types.ts";

export interface GroupLog {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  /** Newest submitted; after `open`, the newest durable. */
  readonly hardState: HardState;
  /** Membership of the newest state that storage was given: creation, trim, snapshot or checkpoint. */
  readonly confState: ConfState;
  /** Index of the oldest entry that is kept; `lastIndex() + 1` when there is none. */
  firstIndex(): number;
  /** Newest submitted, durable or not. */
  lastIndex(): number;
  /** Term of an entry; that of `firstIndex() - 1` is known too. */
  term(index: number): TermAnswer;
  /** Entries lo..hi - 1 from memory, at most `maxBytes` of data but at least one. */
  entries(lo: number, hi: number, maxBytes: number): EntriesAnswer;
  /**
   * The same, from disk where need be, at most FETCH_BYTES_MAX.
   *
   * @throws StreamError `expired` below `firstIndex()`, `invalid-argument` above `lastIndex() + 1`,
   * `corrupt` for damage, naming file and position.
   */
  fetchEntries(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]>;
  /** State given at creation, with the last installed snapshot or the last trim. */
  baseSnapshot(): StateSnapshot;
  /** Newest durable checkpoint of applied state, at or above the base: restart the state machine here. */
  recoveredState(): StateSnapshot;
  /**
   * Asked, synchronously, whenever a WAL file is opened. The state must be one at an index whose
   * entries are all committed and durable here.
   */
  setStateProvider(provide: () => StateSnapshot): void;
  /** The host's commit index; only committed entries go to segments. */
  committed(index: number): void;
  /** Index of the entry that holds record `offset`. */
  locateOffset(offset: number): LocateAnswer;
  locateOffsetAsync(offset: number): Promise<number | undefined>;
  /** First entry whose running maximum of arrival times is at or after `arrivalMs`. */
  locateTime(arrivalMs: number): LocateAnswer;
  locateTimeAsync(arrivalMs: number): Promise<number | undefined>;
  /**
   * Committed entries from `lo` on as frames, up to `hi` (exclusive) and about `maxBytes` of them, one
   * entry at least, from memory or disk: what `LogImport.add` of another replica takes.
   *
   * @throws StreamError `not-found` below `firstIndex()` and above what is committed, `corrupt` for damage.
   */
  exportEntries(lo: number, hi: number, maxBytes: number): Promise<LogChunk>;
  /** Entries whose segment is known to be damaged, ascending, one range per extent. */
  damagedRanges(): readonly IndexRange[];
}
