// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { VoterInput as _millrace_coordinator_v1_VoterInput, Voter as _millrace_coordinator_v1_Voter } from '../../../millrace/coordinator/v1/Voter.ts';
import type { Long } from '@grpc/proto-loader';

export interface FormClusterRequestInput {
  'clusterId'?: (string);
  'voters'?: (_millrace_coordinator_v1_VoterInput)[];
  'account'?: (string);
  'region'?: (string);
  /**
   * The first access key, made by `cluster init`; the secret is sealed with the cluster secret.
   */
  'accessKeyId'?: (string);
  'sealedSecret'?: (Buffer | Uint8Array | string);
  /**
   * `aws`, `unlimited`, or `custom` followed by JSON of the numbers.
   */
  'limits'?: (string);
  /**
   * Sealed key of shard-iterator tokens, 32 bytes before sealing.
   */
  'sealedTokenKey'?: (Buffer | Uint8Array | string);
  'createdAtMs'?: (number | string | Long);
}

export interface FormClusterRequest {
  'clusterId': (string);
  'voters': (_millrace_coordinator_v1_Voter)[];
  'account': (string);
  'region': (string);
  /**
   * The first access key, made by `cluster init`; the secret is sealed with the cluster secret.
   */
  'accessKeyId': (string);
  'sealedSecret': (Buffer);
  /**
   * `aws`, `unlimited`, or `custom` followed by JSON of the numbers.
   */
  'limits': (string);
  /**
   * Sealed key of shard-iterator tokens, 32 bytes before sealing.
   */
  'sealedTokenKey': (Buffer);
  'createdAtMs': (number);
}
