// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface MergeShardsResponseInput {
  'metadataIndex'?: (number | string | Long);
  'childShardIndexes'?: (number)[];
}

export interface MergeShardsResponse {
  'metadataIndex': (number);
  'childShardIndexes': (number)[];
}
