/** Every bound of the broker in one place: a queue without one is a way to run out of memory (L6). */

/** Batches of one turn are joined into entries of at most this; one larger batch is its own entry. */
export const ENTRY_BYTES_TARGET = 1024 * 1024;
/** Per shard, proposed or about to be, and unanswered. */
export const APPENDS_IN_FLIGHT_MAX = 4096;
export const APPEND_BYTES_IN_FLIGHT_MAX = 32 * 1024 * 1024;
/** Long polls of one shard. */
export const TAIL_WAITERS_MAX = 1024;
export const FETCH_WAIT_MS_MAX = 30_000;
/** Disk reads of the whole process at one time, and those that may wait for one. */
export const DISK_READS_MAX = 8;
export const DISK_READS_QUEUED_MAX = 256;
/** Unanswered requests of one stream; beyond it the stream is read no further. */
export const APPENDS_PER_STREAM_MAX = 4096;
export const APPEND_BYTES_PER_STREAM_MAX = 64 * 1024 * 1024;
export const FETCHES_PER_STREAM_MAX = 256;
/**
 * Producers that one shard remembers, batches of each, and how long after a producer's last one. Part of what
 * every replica must do alike: a cluster whose nodes differ in them would have replicas that differ (S2).
 */
export const PRODUCERS_MAX = 1000;
export const PRODUCER_WINDOW = 5;
export const PRODUCER_IDLE_MS = 15 * 60_000;

export const TRIM_INTERVAL_MS = 10_000;
/** Shards looked at for trimming in one turn. */
export const TRIMS_PER_TURN_MAX = 64;
/** Groups being created or dropped at one time. */
export const GROUP_CHANGES_MAX = 16;
export const REPORTS_PER_CALL_MAX = 1000;
/** A report is repeated after this while metadata still says otherwise. */
export const REPORT_AGAIN_MS = 5_000;
/** Between looks at a group whose members change. */
export const MOVE_STEP_MS = 200;
/** Between looks at a shard that is ordered to be sealed. */
export const SEAL_STEP_MS = 200;
export const REPORT_BACKOFF_MS_MIN = 100;
export const REPORT_BACKOFF_MS_MAX = 5_000;
