// Original file: proto/millrace/node/v1/node.proto

import type { GroupStatusInput as _millrace_node_v1_GroupStatusInput, GroupStatus as _millrace_node_v1_GroupStatus } from '../../../millrace/node/v1/GroupStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface StatusResponseInput {
  'nodeId'?: (number);
  'incarnation'?: (string);
  'bootEpoch'?: (number | string | Long);
  'clusterId'?: (string);
  'roles'?: (string)[];
  'pid'?: (number);
  'dataDir'?: (string);
  /**
   * `unformed`, `starting`, `ready`, `draining`, `failed`.
   */
  'state'?: (string);
  'version'?: (string);
  'groups'?: (_millrace_node_v1_GroupStatusInput)[];
}

export interface StatusResponse {
  'nodeId': (number);
  'incarnation': (string);
  'bootEpoch': (number);
  'clusterId': (string);
  'roles': (string)[];
  'pid': (number);
  'dataDir': (string);
  /**
   * `unformed`, `starting`, `ready`, `draining`, `failed`.
   */
  'state': (string);
  'version': (string);
  'groups': (_millrace_node_v1_GroupStatus)[];
}
