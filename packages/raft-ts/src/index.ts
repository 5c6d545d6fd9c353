/** The public door of the consensus core. */
export type { RaftConfig } from "./config.ts";
export type { ConfChangeSingle, ConfChangeType } from "./conf-change.ts";
export {
  confChangeOfEntry,
  LEAVE_JOINT,
  type ConfChange,
  type ConfChangeTransition,
} from "./conf-change-codec.ts";
export { describeEntry, describeMessage, describeReady } from "./describe.ts";
export { entriesSize, entrySize, payloadsSize } from "./entry-size.ts";
export { RaftError, RaftPanic, type RaftErrorCode } from "./errors.ts";
export type { RaftLogger } from "./logger.ts";
export { isLocalMessage, isLocalTarget, isResponseMessage, makeMessage } from "./message.ts";
export { MemoryStorage } from "./memory-storage.ts";
export { RaftNode } from "./node.ts";
export type { Ready } from "./ready.ts";
export type { BasicStatus, Status } from "./status.ts";
export type { Progress, ProgressState } from "./progress.ts";
export type { TrackerConfig } from "./progress-tracker.ts";
export { PENDING_READS_MAX, type ReadOnlyOption } from "./read-only.ts";
export { SNAPSHOT_REQUEST_TIMEOUTS } from "./request-snapshot.ts";
export {
  traceLine,
  type RaftTraceEvent,
  type RaftTraceMessage,
  type RaftTraceName,
  type RaftTraceProperties,
} from "./trace.ts";
export {
  EMPTY_CONF_STATE,
  EMPTY_HARD_STATE,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MESSAGE_TYPES,
  NO_NODE,
  type ConfState,
  type Entry,
  type EntryType,
  type HardState,
  type LogGap,
  type Message,
  type MessageType,
  type ReadState,
  type Snapshot,
  type SoftState,
  type StateType,
  type Storage,
} from "./types.ts";
