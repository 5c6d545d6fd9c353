// Original file: proto/millrace/node/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface LocateRequestInput {
  'groupId'?: (number | string | Long);
  /**
   * `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`; `NONE` only counts the call against the limit.
   */
  'position'?: (string);
  /**
   * Epoch milliseconds, with AT_TIMESTAMP.
   */
  'timestampMs'?: (number | string | Long);
  /**
   * Counts against the shard's limit of iterator calls.
   */
  'limited'?: (boolean);
}

export interface LocateRequest {
  'groupId': (number);
  /**
   * `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`; `NONE` only counts the call against the limit.
   */
  'position': (string);
  /**
   * Epoch milliseconds, with AT_TIMESTAMP.
   */
  'timestampMs': (number);
  /**
   * Counts against the shard's limit of iterator calls.
   */
  'limited': (boolean);
}
