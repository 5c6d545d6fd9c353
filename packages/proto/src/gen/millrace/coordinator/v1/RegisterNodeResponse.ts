// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface RegisterNodeResponseInput {
  'metadataIndex'?: (number | string | Long);
  'clusterId'?: (string);
}

export interface RegisterNodeResponse {
  'metadataIndex': (number);
  'clusterId': (string);
}
