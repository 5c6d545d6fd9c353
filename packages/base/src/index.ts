export type { Brand } from "./brand.ts";
export { requireWithin, safeInteger } from "./checks.ts";
export { sleep } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export { asStreamError, ERROR_TRAITS, isErrorCode, StreamError } from "./errors.ts";
export type { ErrorCode, ErrorHint, ErrorTraits, StreamErrorOptions } from "./errors.ts";
export type { FileSystem, OpenFile, OpenOptions } from "./file-system.ts";
export {
  groupId,
  logIndex,
  METADATA_GROUP_ID,
  NODE_ID_MAX,
  nodeId,
  offset,
  replicaId,
  term,
} from "./ids.ts";
export type { GroupId, LogIndex, NodeId, Offset, ReplicaId, Term } from "./ids.ts";
export { assertNever, invariant, InvariantViolation } from "./invariant.ts";
export { SILENT_LOGGER } from "./logger.ts";
export type { LogFields, Logger } from "./logger.ts";
export { NO_METRICS } from "./metrics.ts";
export type { Counter, Gauge, Histogram, MetricLabels, Metrics } from "./metrics.ts";
export type { Random } from "./random.ts";
