// Original file: proto/millrace/data/v1/data.proto

import type { Long } from '@grpc/proto-loader';

export interface AppendRequestInput {
  /**
   * Chosen by the caller, unique among its unanswered requests on this stream.
   */
  'requestId'?: (number | string | Long);
  'groupId'?: (number | string | Long);
  /**
   * The shard's epoch in the caller's shard map; another epoch refuses the request.
   */
  'shardEpoch'?: (number | string | Long);
  /**
   * Raft term that the caller expects; 0 accepts any.
   */
  'expectedTerm'?: (number | string | Long);
  /**
   * One RecordBatch (packages/model, record-batch.ts). At most 10 MiB of records plus headers.
   */
  'batch'?: (Buffer | Uint8Array | string);
}

export interface AppendRequest {
  /**
   * Chosen by the caller, unique among its unanswered requests on this stream.
   */
  'requestId': (number);
  'groupId': (number);
  /**
   * The shard's epoch in the caller's shard map; another epoch refuses the request.
   */
  'shardEpoch': (number);
  /**
   * Raft term that the caller expects; 0 accepts any.
   */
  'expectedTerm': (number);
  /**
   * One RecordBatch (packages/model, record-batch.ts). At most 10 MiB of records plus headers.
   */
  'batch': (Buffer);
}
