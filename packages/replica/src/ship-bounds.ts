/** The bounds of shipping a log from one replica to another; rates and sizes that a host may choose are in config.ts. */

/** Shipments that a node serves at once. */
export const SHIPMENTS_SERVED_MAX = 2;
/** Shipments that a node receives at once; more wait. */
export const SHIPMENTS_RECEIVED_MAX = 2;
/** Bytes of one piece, unless a single entry is larger. */
export const SHIP_CHUNK_BYTES_MAX = 1024 * 1024;
/** How long an answer may take before the next source is asked. */
export const SHIP_ANSWER_MS = 3_000;
/** Failures in a row after which the shipment of a whole log is given up, and that of a damaged range. */
export const SHIP_FAILURES_MAX = 40;
export const REPAIR_FAILURES_MAX = 6;
/** Wait after all sources have refused, doubled up to the second with each round. */
export const SHIP_BACKOFF_MS_MIN = 200;
export const SHIP_BACKOFF_MS_MAX = 3_000;
/** Between two words to a leader that its follower's log is still coming. */
export const SHIP_PROGRESS_MS = 2_000;
/** How long a log that has come waits for the present leader's snapshot. */
export const SHIP_KEPT_MS = 60_000;
/** Rest after a shipment that has failed: appends are taken until then. */
export const SHIP_REST_MS = 60_000;
/** A log is shipped only when what is there already is at most this part of what is missing. */
export const SHIP_HELD_PART = 16;
/** Damaged ranges that nobody could give are asked for again after so long. */
export const REPAIR_AGAIN_MS = 30_000;
