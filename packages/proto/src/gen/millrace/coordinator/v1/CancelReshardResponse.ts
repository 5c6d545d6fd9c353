// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface CancelReshardResponseInput {
  'metadataIndex'?: (number | string | Long);
}

export interface CancelReshardResponse {
  'metadataIndex': (number);
}
