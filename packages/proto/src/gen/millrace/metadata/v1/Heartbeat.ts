// Original file: proto/millrace/metadata/v1/metadata.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatInput {
  'index'?: (number | string | Long);
}

export interface Heartbeat {
  'index': (number);
}
