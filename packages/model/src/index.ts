export {
  CALL_SERVICE,
  CALL_SKEW_MS_MAX,
  CLUSTER_KEY_ID,
  signCall,
  verifyCall,
} from "./call-auth.ts";
export type { CallCredentials, Principal } from "./call-auth.ts";
export {
  commandEntry,
  ENTRY_HEADER_BYTES,
  entryBody,
  readEntryHeader,
  readEntryMeta,
  writeRecordsHeader,
} from "./entry-data.ts";
export type { EntryHeader } from "./entry-data.ts";
export {
  evenHashKeyRanges,
  HASH_KEY_BYTES,
  HASH_KEY_MAX,
  hashKey,
  HashKeyBounds,
  hashKeyBytes,
  hashKeyFromBytes,
} from "./hash-key.ts";
export type { HashKey, HashKeyRange } from "./hash-key.ts";
export { areAdjacent, mayStartAt, middleOf } from "./hash-key-split.ts";
export {
  AWS_SHARD_LIMITS,
  READ_BYTES_MAX,
  READ_RECORDS_MAX,
  RECORD_SIZE_KIB_MAX,
  RECORD_SIZE_KIB_MIN,
  RETENTION_HOURS_MAX,
  RETENTION_HOURS_MIN,
  shardLimits,
  SHARDS_PER_STREAM_MAX,
  TAGS_PER_STREAM_MAX,
  TokenBucket,
  UNLIMITED_SHARD_LIMITS,
} from "./limits.ts";
export type { LimitsPolicy, ShardLimits } from "./limits.ts";
export {
  decodeMetadataRecord,
  encodeMetadataRecord,
  isDeadReplica,
  isUnopenedShard,
  METADATA_KEY,
  metadataKind,
} from "./metadata.ts";
export {
  checkPlacementPolicy,
  PLACEMENT_POLICY_DEFAULT,
  placementPolicy,
} from "./placement-policy.ts";
export type { PlacementPolicy } from "./placement-policy.ts";
export type {
  AccessKeyRecord,
  GroupPlacement,
  NodeGoal,
  ReplicaMove,
  Reshard,
  RetiredReplicaRecord,
  ClusterRecord,
  MetadataChange,
  MetadataKind,
  MetadataRecords,
  NodeAddresses,
  NodeRecord,
  ReplicaPlacement,
  ReplicaState,
  Role,
  ShardRecord,
  ShardSeal,
  ShardState,
  StreamRecord,
  StreamStatus,
  TombstoneRecord,
} from "./metadata.ts";
export { MetadataView } from "./metadata-view.ts";
export type { Shard } from "./metadata-view.ts";
export {
  parseShardId,
  parseStreamArn,
  SHARD_INDEX_MAX,
  shardId,
  STREAM_NAME_PATTERN,
  streamArn,
} from "./names.ts";
export {
  BATCH_BYTES_MAX,
  BATCH_HEADER_BYTES,
  checkBatch,
  NO_PRODUCER,
  PARTITION_KEY_BYTES_MAX,
  prefixWithin,
  PRODUCER_ID_BYTES,
  readBatchHeader,
  readRecord,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  RECORDS_PER_BATCH_MAX,
  safeU64,
  sealBatch,
  setSafeU64,
  viewOf,
} from "./record-batch.ts";
export type { BatchHeader, BatchRules, Crc32, RecordPlace } from "./record-batch.ts";
export { RecordsBuilder } from "./records-builder.ts";
export type { Allocate } from "./records-builder.ts";
export { parseSequenceNumber, SECONDS_MAX, SequenceNumbers } from "./sequence-number.ts";
export type { SequenceNumberParts } from "./sequence-number.ts";
export {
  amzDate,
  canonicalRequest,
  constantTimeEqual,
  parseAmzDate,
  parseAuthorization,
  parseCredential,
  signature,
  SIGV4_ALGORITHM,
  signingKey,
} from "./sigv4.ts";
export type { Authorization, CredentialScope, SignedRequest, SigningHashes } from "./sigv4.ts";
