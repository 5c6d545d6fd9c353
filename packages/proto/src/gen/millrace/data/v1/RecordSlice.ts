// Original file: proto/millrace/data/v1/data.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Neighbouring records with one arrival time.
 */
export interface RecordSliceInput {
  'baseOffset'?: (number | string | Long);
  'count'?: (number);
  'arrivalMs'?: (number | string | Long);
  /**
   * `count` encoded records (packages/model, record-batch.ts).
   */
  'records'?: (Buffer | Uint8Array | string);
}

/**
 * Neighbouring records with one arrival time.
 */
export interface RecordSlice {
  'baseOffset': (number);
  'count': (number);
  'arrivalMs': (number);
  /**
   * `count` encoded records (packages/model, record-batch.ts).
   */
  'records': (Buffer);
}
