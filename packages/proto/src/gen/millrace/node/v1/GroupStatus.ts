// Original file: proto/millrace/node/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface GroupStatusInput {
  'groupId'?: (number | string | Long);
  'replicaId'?: (number | string | Long);
  /**
   * `metadata` or `shard`.
   */
  'kind'?: (string);
  /**
   * `leader`, `follower`, `candidate`, `pre-candidate`.
   */
  'role'?: (string);
  'term'?: (number | string | Long);
  'leaderReplicaId'?: (number | string | Long);
  'leaderNodeId'?: (number);
  'commitIndex'?: (number | string | Long);
  'appliedIndex'?: (number | string | Long);
  'firstIndex'?: (number | string | Long);
  'lastIndex'?: (number | string | Long);
  'asleep'?: (boolean);
  /**
   * Metadata names the replica nowhere: it is kept, because absence deletes nothing.
   */
  'unknown'?: (boolean);
}

export interface GroupStatus {
  'groupId': (number);
  'replicaId': (number);
  /**
   * `metadata` or `shard`.
   */
  'kind': (string);
  /**
   * `leader`, `follower`, `candidate`, `pre-candidate`.
   */
  'role': (string);
  'term': (number);
  'leaderReplicaId': (number);
  'leaderNodeId': (number);
  'commitIndex': (number);
  'appliedIndex': (number);
  'firstIndex': (number);
  'lastIndex': (number);
  'asleep': (boolean);
  /**
   * Metadata names the replica nowhere: it is kept, because absence deletes nothing.
   */
  'unknown': (boolean);
}
