// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface UpdatePlacementPolicyResponseInput {
  'metadataIndex'?: (number | string | Long);
}

export interface UpdatePlacementPolicyResponse {
  'metadataIndex': (number);
}
