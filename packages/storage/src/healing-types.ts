/**
 * The nouns of healing: what one replica hands to another when its log is missing or damaged, and what
 * a look at the whole disk found.
 */

/**
 * Committed entries as segment frames (crc | length | index | term | type | data, FORMAT.md), back to
 * back. Checksums travel with the bytes, so an entry is verified from one disk to the other.
 */
export interface LogChunk {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly frames: Uint8Array;
}

/** Indexes of one replica's log, both ends included. */
export interface IndexRange {
  readonly firstIndex: number;
  readonly lastIndex: number;
}

/** The entry before the first one that is wanted. */
export interface ImportStart {
  readonly afterIndex: number;
  /** Its term, 0 for index 0. */
  readonly afterTerm: number;
}

/** A log on its way in: entries (afterIndex, nextIndex), in files of `incoming/` that no reader sees yet. */
export interface LogImport extends ImportStart {
  readonly groupId: number;
  readonly replicaId: number;
  /** The index that the next chunk must begin with. */
  readonly nextIndex: number;
  /** Term of entry `nextIndex - 1`. */
  readonly lastTerm: number;
  /**
   * Takes the next chunk; one call at a time. Every frame is verified (checksum, consecutive index, terms
   * that do not fall) before a byte is kept.
   *
   * @throws StreamError `corrupt` for a bad chunk, of which nothing is kept; `invalid-argument` for a chunk that
   * does not begin at `nextIndex` or is above IMPORT_CHUNK_BYTES_MAX; `wrong-state` after `finish` or `abort`;
   * what the disk reported, after which only `abort` is possible.
   */
  add(chunk: LogChunk): Promise<void>;
  /**
   * Makes everything so far durable and ready to be named; call it before `submit` with `shipped`.
   * Nothing can be added any more. Once more does nothing.
   */
  finish(): Promise<void>;
  /** Gives the import up and removes its files. Does nothing once the log has it. */
  abort(): Promise<void>;
}

export interface ScrubOptions {
  /** Upper bound of what is read per second of the clock, 1 or more. */
  readonly bytesPerSecond: number;
  /** Ends the pass early. */
  readonly signal?: AbortSignal;
}

/** What one pass read, and what was wrong with it. */
export interface ScrubReport {
  /** False when the signal ended the pass early. */
  readonly complete: boolean;
  readonly bytes: number;
  readonly segments: number;
  readonly extents: number;
  readonly stateFiles: number;
  readonly walFiles: number;
  readonly damagedExtents: number;
  readonly damagedStateFiles: number;
  readonly damagedWalFiles: number;
  readonly damagedIdentity: boolean;
}
