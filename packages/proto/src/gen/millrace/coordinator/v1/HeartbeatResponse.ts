// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatResponseInput {
  /**
   * The coordinator leader's wall clock.
   */
  'nowMs'?: (number | string | Long);
  /**
   * The leader does not know this incarnation: register again.
   */
  'registerAgain'?: (boolean);
}

export interface HeartbeatResponse {
  /**
   * The coordinator leader's wall clock.
   */
  'nowMs': (number);
  /**
   * The leader does not know this incarnation: register again.
   */
  'registerAgain': (boolean);
}
