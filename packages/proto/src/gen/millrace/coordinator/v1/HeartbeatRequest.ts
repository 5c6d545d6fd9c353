// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatRequestInput {
  'nodeId'?: (number);
  'incarnation'?: (string);
  'bootEpoch'?: (number | string | Long);
  /**
   * `ready`, `starting` or `draining`.
   */
  'state'?: (string);
  /**
   * The sender's wall clock, epoch milliseconds.
   */
  'nowMs'?: (number | string | Long);
}

export interface HeartbeatRequest {
  'nodeId': (number);
  'incarnation': (string);
  'bootEpoch': (number);
  /**
   * `ready`, `starting` or `draining`.
   */
  'state': (string);
  /**
   * The sender's wall clock, epoch milliseconds.
   */
  'nowMs': (number);
}
