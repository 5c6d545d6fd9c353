// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface SplitShardResponseInput {
  'metadataIndex'?: (number | string | Long);
  'childShardIndexes'?: (number)[];
}

export interface SplitShardResponse {
  'metadataIndex': (number);
  'childShardIndexes': (number)[];
}
