// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface UpdateRetentionResponseInput {
  'metadataIndex'?: (number | string | Long);
}

export interface UpdateRetentionResponse {
  'metadataIndex': (number);
}
