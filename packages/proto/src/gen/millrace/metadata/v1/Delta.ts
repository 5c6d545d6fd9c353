// Original file: proto/millrace/metadata/v1/metadata.proto

import type { ChangeInput as _millrace_metadata_v1_ChangeInput, Change as _millrace_metadata_v1_Change } from '../../../millrace/metadata/v1/Change.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * What the log entries up to `index` changed since the previous event.
 */
export interface DeltaInput {
  'index'?: (number | string | Long);
  'changes'?: (_millrace_metadata_v1_ChangeInput)[];
}

/**
 * What the log entries up to `index` changed since the previous event.
 */
export interface Delta {
  'index': (number);
  'changes': (_millrace_metadata_v1_Change)[];
}
