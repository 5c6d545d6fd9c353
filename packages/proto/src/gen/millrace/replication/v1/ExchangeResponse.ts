// Original file: proto/millrace/replication/v1/replication.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Sent once, when the stream is accepted, so that the dialler knows who answered.
 */
export interface ExchangeResponseInput {
  'nodeId'?: (number);
  'incarnation'?: (string);
  'bootEpoch'?: (number | string | Long);
}

/**
 * Sent once, when the stream is accepted, so that the dialler knows who answered.
 */
export interface ExchangeResponse {
  'nodeId': (number);
  'incarnation': (string);
  'bootEpoch': (number);
}
