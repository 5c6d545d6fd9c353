// Original file: proto/millrace/data/v1/data.proto

import type { FailureInput as _millrace_data_v1_FailureInput, Failure as _millrace_data_v1_Failure } from '../../../millrace/data/v1/Failure.ts';
import type { RecordSliceInput as _millrace_data_v1_RecordSliceInput, RecordSlice as _millrace_data_v1_RecordSlice } from '../../../millrace/data/v1/RecordSlice.ts';
import type { Long } from '@grpc/proto-loader';

export interface FetchResponseInput {
  'requestId'?: (number | string | Long);
  'failure'?: (_millrace_data_v1_FailureInput | null);
  'slices'?: (_millrace_data_v1_RecordSliceInput)[];
  /**
   * Where the next fetch should start.
   */
  'nextOffset'?: (number | string | Long);
  /**
   * One past the newest committed record.
   */
  'endOffset'?: (number | string | Long);
  /**
   * Oldest record that is still readable.
   */
  'trimOffset'?: (number | string | Long);
  'term'?: (number | string | Long);
  /**
   * The leader's wall clock when it answered, epoch milliseconds.
   */
  'nowMs'?: (number | string | Long);
  /**
   * The shard takes no more records: `end_offset` is final.
   */
  'sealed'?: (boolean);
}

export interface FetchResponse {
  'requestId': (number);
  'failure': (_millrace_data_v1_Failure | null);
  'slices': (_millrace_data_v1_RecordSlice)[];
  /**
   * Where the next fetch should start.
   */
  'nextOffset': (number);
  /**
   * One past the newest committed record.
   */
  'endOffset': (number);
  /**
   * Oldest record that is still readable.
   */
  'trimOffset': (number);
  'term': (number);
  /**
   * The leader's wall clock when it answered, epoch milliseconds.
   */
  'nowMs': (number);
  /**
   * The shard takes no more records: `end_offset` is final.
   */
  'sealed': (boolean);
}
