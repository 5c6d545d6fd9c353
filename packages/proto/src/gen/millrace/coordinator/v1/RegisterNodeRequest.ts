// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { NodeAddressesInput as _millrace_coordinator_v1_NodeAddressesInput, NodeAddresses as _millrace_coordinator_v1_NodeAddresses } from '../../../millrace/coordinator/v1/NodeAddresses.ts';
import type { Long } from '@grpc/proto-loader';

export interface RegisterNodeRequestInput {
  'nodeId'?: (number);
  'incarnation'?: (string);
  'bootEpoch'?: (number | string | Long);
  'roles'?: (string)[];
  'host'?: (string);
  'zone'?: (string);
  'addresses'?: (_millrace_coordinator_v1_NodeAddressesInput | null);
  'pid'?: (number);
  'dataDir'?: (string);
  'version'?: (string);
}

export interface RegisterNodeRequest {
  'nodeId': (number);
  'incarnation': (string);
  'bootEpoch': (number);
  'roles': (string)[];
  'host': (string);
  'zone': (string);
  'addresses': (_millrace_coordinator_v1_NodeAddresses | null);
  'pid': (number);
  'dataDir': (string);
  'version': (string);
}
