// Original file: proto/millrace/metadata/v1/metadata.proto

import type { Long } from '@grpc/proto-loader';

export interface BarrierResponseInput {
  'index'?: (number | string | Long);
}

export interface BarrierResponse {
  'index': (number);
}
