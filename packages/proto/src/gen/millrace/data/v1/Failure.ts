// Original file: proto/millrace/data/v1/data.proto

import type { Long } from '@grpc/proto-loader';

/**
 * An error of packages/base, errors.ts, inside a pipelined stream.
 */
export interface FailureInput {
  'code'?: (string);
  'message'?: (string);
  'leaderNodeId'?: (number);
  'leaderAddress'?: (string);
  'term'?: (number | string | Long);
  'shardEpoch'?: (number | string | Long);
  /**
   * What the write limit would still take; meaningful with code `throttled` alone.
   */
  'recordsFree'?: (number);
  'bytesFree'?: (number);
  'retryAfterMs'?: (number);
  /**
   * With code `stale-epoch`: the shard is sealed, and the batch is not in it and never will be.
   */
  'sealed'?: (boolean);
}

/**
 * An error of packages/base, errors.ts, inside a pipelined stream.
 */
export interface Failure {
  'code': (string);
  'message': (string);
  'leaderNodeId': (number);
  'leaderAddress': (string);
  'term': (number);
  'shardEpoch': (number);
  /**
   * What the write limit would still take; meaningful with code `throttled` alone.
   */
  'recordsFree': (number);
  'bytesFree': (number);
  'retryAfterMs': (number);
  /**
   * With code `stale-epoch`: the shard is sealed, and the batch is not in it and never will be.
   */
  'sealed': (boolean);
}
