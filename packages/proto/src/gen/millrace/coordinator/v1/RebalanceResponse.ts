// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { RebalanceMoveInput as _millrace_coordinator_v1_RebalanceMoveInput, RebalanceMove as _millrace_coordinator_v1_RebalanceMove } from '../../../millrace/coordinator/v1/RebalanceMove.ts';
import type { Long } from '@grpc/proto-loader';

export interface RebalanceResponseInput {
  'metadataIndex'?: (number | string | Long);
  /**
   * The plan is being carried out.
   */
  'running'?: (boolean);
  /**
   * Replicas that are still to be moved, the next first; 1000 at most.
   */
  'moves'?: (_millrace_coordinator_v1_RebalanceMoveInput)[];
  /**
   * Shards whose preferred leader changes when the moves are done.
   */
  'leaderChanges'?: (number);
  /**
   * Groups whose members change right now, for whatever reason.
   */
  'moving'?: (number);
}

export interface RebalanceResponse {
  'metadataIndex': (number);
  /**
   * The plan is being carried out.
   */
  'running': (boolean);
  /**
   * Replicas that are still to be moved, the next first; 1000 at most.
   */
  'moves': (_millrace_coordinator_v1_RebalanceMove)[];
  /**
   * Shards whose preferred leader changes when the moves are done.
   */
  'leaderChanges': (number);
  /**
   * Groups whose members change right now, for whatever reason.
   */
  'moving': (number);
}
