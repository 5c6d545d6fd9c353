// Original file: proto/millrace/node/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface LocateResponseInput {
  'offset'?: (number | string | Long);
  'trimOffset'?: (number | string | Long);
  'endOffset'?: (number | string | Long);
}

export interface LocateResponse {
  'offset': (number);
  'trimOffset': (number);
  'endOffset': (number);
}
