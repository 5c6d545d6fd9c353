// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { NodeAddressesInput as _millrace_coordinator_v1_NodeAddressesInput, NodeAddresses as _millrace_coordinator_v1_NodeAddresses } from '../../../millrace/coordinator/v1/NodeAddresses.ts';
import type { Long } from '@grpc/proto-loader';

export interface VoterInput {
  'nodeId'?: (number);
  'incarnation'?: (string);
  'replicaId'?: (number | string | Long);
  'addresses'?: (_millrace_coordinator_v1_NodeAddressesInput | null);
}

export interface Voter {
  'nodeId': (number);
  'incarnation': (string);
  'replicaId': (number);
  'addresses': (_millrace_coordinator_v1_NodeAddresses | null);
}
