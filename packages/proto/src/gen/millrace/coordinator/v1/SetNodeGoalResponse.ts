// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface SetNodeGoalResponseInput {
  'metadataIndex'?: (number | string | Long);
}

export interface SetNodeGoalResponse {
  'metadataIndex': (number);
}
