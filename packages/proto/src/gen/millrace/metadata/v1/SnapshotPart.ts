// Original file: proto/millrace/metadata/v1/metadata.proto

import type { ChangeInput as _millrace_metadata_v1_ChangeInput, Change as _millrace_metadata_v1_Change } from '../../../millrace/metadata/v1/Change.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * The records at `index`, in parts of at most 1 MiB; `last` ends the snapshot.
 */
export interface SnapshotPartInput {
  'index'?: (number | string | Long);
  'changes'?: (_millrace_metadata_v1_ChangeInput)[];
  'last'?: (boolean);
}

/**
 * The records at `index`, in parts of at most 1 MiB; `last` ends the snapshot.
 */
export interface SnapshotPart {
  'index': (number);
  'changes': (_millrace_metadata_v1_Change)[];
  'last': (boolean);
}
