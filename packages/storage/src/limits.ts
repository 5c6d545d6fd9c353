/** The bounds of this package. Each is enforced where the value enters, with an error that names it. */

export const PAGE_BYTES = 4096;
const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest `data` of one entry: a record of 10 MiB with room for batch and entry headers. */
export const ENTRY_BYTES_MAX = 11 * MIB;
/** Writes that one group commit gathers; a single larger entry goes alone. */
export const COMMIT_BYTES_TARGET = 4 * MIB;
/** Entries and bytes of one frame: a larger append becomes several frames. */
export const FRAME_BYTES_TARGET = MIB;
export const FRAME_ENTRIES_MAX = 4096;
/** No batch on disk is longer, so a reader never trusts a length above it. */
export const BATCH_BYTES_MAX = 64 * MIB;
/** State of one group in one snapshot. */
export const STATE_BYTES_MAX = 64 * MIB;
/** Larger states go to a state file, smaller ones into the log. */
export const STATE_INLINE_BYTES_MAX = 4 * KIB;
/** All inline states of one checkpoint; what is above goes to the state file too. */
export const CHECKPOINT_INLINE_BYTES_MAX = 2 * MIB;
export const DESCRIPTION_BYTES_MAX = KIB;
/** UTF-8 of the reason why a replica is quarantined; what is longer is cut. */
export const DAMAGE_REASON_BYTES_MAX = 200;
export const GROUPS_MAX = 20_000;
export const CONF_MEMBERS_MAX = 255;

export const WAL_FILE_BYTES_DEFAULT = 256 * MIB;
export const WAL_FILE_BYTES_MIN = MIB;
export const WAL_FILE_BYTES_MAX = KIB * MIB;
export const WAL_FILES_MAX_DEFAULT = 4;
/** Recycled WAL files kept for the next rolls. */
export const WAL_POOL_FILES_MAX = 2;
export const TAIL_CACHE_BYTES_DEFAULT = 256 * MIB;
export const SHARD_SEGMENT_THRESHOLD_BYTES_DEFAULT = 16 * MIB;

/** One entry of the sparse index per this many bytes of segment. */
export const INDEX_INTERVAL_BYTES = 64 * KIB;
/** Segment bytes gathered before a write, and written before a sync. */
export const FLUSH_CHUNK_BYTES = MIB;
export const FLUSH_SYNC_BYTES = 8 * MIB;
/** Largest answer of `fetchEntries`, whatever the caller asks; one entry always fits. */
export const FETCH_BYTES_MAX = 16 * MIB;
/** Open segment files kept for readers. */
export const OPEN_SEGMENTS_MAX = 64;
/** Frames of one shipped chunk: what `fetchEntries` may answer, or one entry of any size. */
export const IMPORT_CHUNK_BYTES_MAX = 16 * MIB;
/** Imports of one lane at once: each holds a file open and the sparse index of a part in memory. */
export const IMPORTS_MAX = 8;
/** A received log is cut into segments of about this size. */
export const IMPORT_PART_BYTES = 64 * MIB;
