// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface UpdatePlacementPolicyRequestInput {
  /**
   * `replaceAfterMs`, `movesMax`, `moveBytesPerSecond`, `dropGraceMs`.
   */
  'settings'?: ({[key: string]: number | string | Long});
}

export interface UpdatePlacementPolicyRequest {
  /**
   * `replaceAfterMs`, `movesMax`, `moveBytesPerSecond`, `dropGraceMs`.
   */
  'settings': ({[key: string]: number});
}
