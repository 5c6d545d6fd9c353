/**
 * The nouns that cross the door of this package.
 *
 * `LogEntry` has the shape of the consensus core's entry on purpose: entries pass from Raft to the
 * log and back without a conversion, and their `data` is neither copied nor parsed here.
 */
import type { Clock, FileSystem, Logger, Metrics, Random } from "@millrace/base";
import type { GroupLog } from "./group-log.ts";
import type { LogImport } from "./healing-types.ts";

export type EntryType = "EntryNormal" | "EntryConfChange" | "EntryConfChangeV2";

/** One Raft entry. `data` is an opaque view that nobody changes after it was handed over. */
export interface LogEntry {
  readonly term: number;
  /** 1-based. */
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** What a voter must not forget (S7). `vote` is a replica id, 0 for none. */
export interface HardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** Membership of a group, as Raft's joint consensus needs it. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

/** What storage must know of an entry to find records by offset and by time. */
export interface EntryMeta {
  /** Offset of the entry's first record. */
  baseOffset: number;
  /** Records in the entry, 1 or more. */
  count: number;
  /** Wall clock of arrival, milliseconds. */
  arrivalMs: number;
}

/**
 * Reads `EntryMeta` out of an entry's data; injected, because the layout of data is not storage's
 * business. Fills `into` and returns true, or returns false when the entry holds no records.
 */
export type EntryMetaReader = (data: Uint8Array, into: EntryMeta) => boolean;

/** State of a group's state machine after the entry at `index` was applied. `state` is opaque. */
export interface StateSnapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  /** 0..STATE_BYTES_MAX bytes. */
  readonly state: Uint8Array;
}

/** A replica's birth: everything a restart needs to know about it before its first entry. */
export interface GroupInit {
  readonly groupId: number;
  readonly replicaId: number;
  readonly confState: ConfState;
  /** Opaque tag for the host, 0..255: 1 metadata, 2 shard. */
  readonly kind: number;
  /** Opaque to storage, at most DESCRIPTION_BYTES_MAX bytes. @default empty */
  readonly description?: Uint8Array;
}

/**
 * What one group wants durable. Within a write the order on disk is: snapshot, hard state, entries,
 * trim; so a crash in the middle never leaves an entry of a term that the hard state does not know.
 */
export interface GroupWrite {
  readonly group: GroupLog;
  /** Contiguous. The first index may be at or below `lastIndex()`: the old suffix is cut first. */
  readonly entries?: readonly LogEntry[];
  readonly hardState?: HardState;
  /** A snapshot received from the leader: the whole log is replaced and goes on at `index + 1`. */
  readonly snapshot?: StateSnapshot;
  /**
   * With `snapshot`: the log below it, (shipped.afterIndex, snapshot.index], finished. Both are installed
   * by one frame; the log then begins at `shipped.afterIndex + 1`.
   */
  readonly shipped?: LogImport;
  /** Retention: entries up to `throughIndex` are dropped; `snapshot.index` is at or above it. */
  readonly trim?: { readonly throughIndex: number; readonly snapshot: StateSnapshot };
}

export interface LaneStorageOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  /** Makes the incarnation of an empty directory. */
  readonly random: Random;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Folder of this lane alone; made when missing. */
  readonly directory: string;
  /** 1..65535. A directory that another node wrote is refused. */
  readonly nodeId: number;
  readonly entryMeta: EntryMetaReader;
  /** Size of a WAL file: multiple of 4 KiB in 1 MiB..1 GiB. @default 256 MiB */
  readonly walFileBytes?: number;
  /**
   * WAL files that may exist before commits wait for the flush, 2..64. What they hold is pinned in
   * memory, so `walFileBytes * walFilesMax` bounds that. @default 4
   */
  readonly walFilesMax?: number;
  /** Memory for flushed entries of all groups, kept for tail readers. @default 256 MiB */
  readonly tailCacheBytes?: number;
  /** A group with this much to flush gets a segment of its own. @default 16 MiB */
  readonly shardSegmentThresholdBytes?: number;
  /** A log that another replica ships is cut into segments of about this size. @default 64 MiB */
  readonly importPartBytes?: number;
}

/** Identity of the directory: see architecture, "Identity". */
export interface LaneIdentity {
  /** 16 random bytes in hexadecimal, written once into an empty directory. */
  readonly incarnation: string;
  /** Grows by one per `open`, 1 for the first. */
  readonly bootEpoch: number;
  /** Set once by `setClusterId`. */
  readonly clusterId: string | undefined;
}

/** Counters since `open`, and gauges of now. */
export interface LaneStats {
  /** Batches on the commit path: each was one synced write. */
  readonly walBatches: number;
  /** Synced writes of the WAL on the commit path: batches and the checkpoints that open a file. */
  readonly walSyncedWrites: number;
  readonly walBytes: number;
  readonly entriesWritten: number;
  readonly queuedWrites: number;
  readonly queuedBytes: number;
  /** Monotonic time at which the write in flight began; `undefined` when none is. */
  readonly inFlightSinceMs: number | undefined;
  readonly walFiles: number;
  /** Commits wait for the flush: the host should refuse new appends. */
  readonly waitingForFlush: boolean;
  readonly flushes: number;
  readonly flushedBytes: number;
  readonly segments: number;
  /** Entries in memory that no segment holds yet. */
  readonly pinnedBytes: number;
  /** Flushed entries kept in memory. */
  readonly cachedBytes: number;
  /** Extents found damaged by readers and scrubs, repaired or not. */
  readonly damagedExtents: number;
  readonly scrubbedBytes: number;
  readonly scrubErrors: number;
  /** Since a whole pass ended; `undefined` before the first one. */
  readonly secondsSinceScrub: number | undefined;
}

/** Ids that are not in the log, told apart because Raft treats them differently. */
export type TermAnswer = number | "compacted" | "unavailable";
/** `temporarily-unavailable`: on disk, `fetchEntries` reads them. */
export type EntriesAnswer =
  | readonly LogEntry[]
  | "compacted"
  | "unavailable"
  | "temporarily-unavailable";
/** An index; `undefined` when no entry answers; `temporarily-unavailable` when a file must be read. */
export type LocateAnswer = number | undefined | "temporarily-unavailable";
