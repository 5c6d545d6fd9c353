/** What goes into and comes out of the shard-level producer and reader. */

/** Records for one shard, as a `RecordsBuilder` of @millrace/model leaves them. */
export interface EncodedRecords {
  /**
   * A RecordsBuilder's `batch()`: room for the header, then the records. The producer owns the
   * buffer until the put is settled, writes the header into it, and may keep it for retries.
   */
  readonly batch: Uint8Array;
  /** Records in `batch`, 1..100,000. */
  readonly count: number;
}

export interface PutOutcome {
  /** Offset of the first record stored; the others follow without gaps. Means nothing when `accepted` is 0. */
  readonly baseOffset: number;
  /** Records stored, counted from the first on. */
  readonly accepted: number;
  /** Approximate arrival time of the stored records, epoch milliseconds. */
  readonly arrivalMs: number;
  /** The rest: refused by the shard's write limit, certainly not stored. */
  readonly throttled: number;
}

export interface FetchQuery {
  /** First record wanted; below the trim point the page starts at the trim point. */
  readonly offset: number;
  /** 1..10 MiB; the first record comes whatever its size. */
  readonly maxBytes: number;
  /** 1..10,000. */
  readonly maxRecords: number;
  /** With nothing to read, wait so long for a record before an empty page. 0..30,000. @default 0 */
  readonly waitMs?: number;
  /** Counts against the shard's read limits, as GetRecords does. @default false */
  readonly limited?: boolean;
}

/** Neighbouring records with one arrival time. */
export interface FetchedSlice {
  readonly baseOffset: number;
  readonly count: number;
  readonly arrivalMs: number;
  /** `count` encoded records, to be walked with `readRecord` of @millrace/model. */
  readonly records: Uint8Array;
}

export interface FetchPage {
  readonly slices: readonly FetchedSlice[];
  /** Where the next fetch should start. */
  readonly nextOffset: number;
  /** One past the newest committed record. */
  readonly endOffset: number;
  /** Oldest record that is still readable. */
  readonly trimOffset: number;
  /** The leader's wall clock when it answered, epoch milliseconds. */
  readonly nowMs: number;
  /** The shard takes no more records: `endOffset` is final. */
  readonly sealed: boolean;
  readonly term: number;
}

export type ShardPosition = "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP" | "NONE";

export interface LocatedOffset {
  readonly offset: number;
  readonly trimOffset: number;
  readonly endOffset: number;
}
