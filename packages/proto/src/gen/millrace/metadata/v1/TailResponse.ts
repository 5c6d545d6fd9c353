// Original file: proto/millrace/metadata/v1/metadata.proto

import type { SnapshotPartInput as _millrace_metadata_v1_SnapshotPartInput, SnapshotPart as _millrace_metadata_v1_SnapshotPart } from '../../../millrace/metadata/v1/SnapshotPart.ts';
import type { DeltaInput as _millrace_metadata_v1_DeltaInput, Delta as _millrace_metadata_v1_Delta } from '../../../millrace/metadata/v1/Delta.ts';
import type { HeartbeatInput as _millrace_metadata_v1_HeartbeatInput, Heartbeat as _millrace_metadata_v1_Heartbeat } from '../../../millrace/metadata/v1/Heartbeat.ts';

export interface TailResponseInput {
  'snapshot'?: (_millrace_metadata_v1_SnapshotPartInput | null);
  'delta'?: (_millrace_metadata_v1_DeltaInput | null);
  'heartbeat'?: (_millrace_metadata_v1_HeartbeatInput | null);
  'event'?: "snapshot"|"delta"|"heartbeat";
}

export interface TailResponse {
  'snapshot'?: (_millrace_metadata_v1_SnapshotPart | null);
  'delta'?: (_millrace_metadata_v1_Delta | null);
  'heartbeat'?: (_millrace_metadata_v1_Heartbeat | null);
  'event'?: "snapshot"|"delta"|"heartbeat";
}
