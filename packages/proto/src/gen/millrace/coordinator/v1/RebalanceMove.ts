// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface RebalanceMoveInput {
  'streamName'?: (string);
  'shardIndex'?: (number);
  'groupId'?: (number | string | Long);
  'fromNodeId'?: (number);
  'toNodeId'?: (number);
}

export interface RebalanceMove {
  'streamName': (string);
  'shardIndex': (number);
  'groupId': (number);
  'fromNodeId': (number);
  'toNodeId': (number);
}
