// Original file: proto/millrace/data/v1/data.proto

import type { FailureInput as _millrace_data_v1_FailureInput, Failure as _millrace_data_v1_Failure } from '../../../millrace/data/v1/Failure.ts';
import type { Long } from '@grpc/proto-loader';

export interface AppendResponseInput {
  'requestId'?: (number | string | Long);
  /**
   * Set when the batch was refused or its outcome is unknown; nothing else is meant then.
   */
  'failure'?: (_millrace_data_v1_FailureInput | null);
  /**
   * Offset of the batch's first record; the others follow without gaps.
   */
  'baseOffset'?: (number | string | Long);
  'count'?: (number);
  /**
   * Approximate arrival time of every record of the batch, epoch milliseconds.
   */
  'arrivalMs'?: (number | string | Long);
  'term'?: (number | string | Long);
  /**
   * The batch had been stored before (same producer id and sequence); the offsets are those of then.
   */
  'duplicate'?: (boolean);
}

export interface AppendResponse {
  'requestId': (number);
  /**
   * Set when the batch was refused or its outcome is unknown; nothing else is meant then.
   */
  'failure': (_millrace_data_v1_Failure | null);
  /**
   * Offset of the batch's first record; the others follow without gaps.
   */
  'baseOffset': (number);
  'count': (number);
  /**
   * Approximate arrival time of every record of the batch, epoch milliseconds.
   */
  'arrivalMs': (number);
  'term': (number);
  /**
   * The batch had been stored before (same producer id and sequence); the offsets are those of then.
   */
  'duplicate': (boolean);
}
