// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface ReplicaReportInput {
  'groupId'?: (number | string | Long);
  'replicaId'?: (number | string | Long);
  /**
   * `created`: durable here. `lost`: metadata says it was created, but it is not here. `damaged`: it
   * is here, but its files cannot be trusted, and it takes no part in its group any more.
   */
  'state'?: (string);
  /**
   * The replica leads its group (with `created`): the shard can take records.
   */
  'leading'?: (boolean);
  /**
   * A tombstoned replica that was removed here.
   */
  'removed'?: (boolean);
  /**
   * Told by the group's leader when its members are at rest: log index from which on `voters` are
   * the voters, and nobody else is in the group; 0 when this report says nothing of it.
   */
  'confIndex'?: (number | string | Long);
  'voters'?: (number | string | Long)[];
  /**
   * A replica that has applied its shard's seal: the epoch in the seal, 0 when this report says nothing
   * of one; one past the shard's last record; when that arrived, epoch milliseconds.
   */
  'sealedEpoch'?: (number | string | Long);
  'endOffset'?: (number | string | Long);
  'lastArrivalMs'?: (number | string | Long);
}

export interface ReplicaReport {
  'groupId': (number);
  'replicaId': (number);
  /**
   * `created`: durable here. `lost`: metadata says it was created, but it is not here. `damaged`: it
   * is here, but its files cannot be trusted, and it takes no part in its group any more.
   */
  'state': (string);
  /**
   * The replica leads its group (with `created`): the shard can take records.
   */
  'leading': (boolean);
  /**
   * A tombstoned replica that was removed here.
   */
  'removed': (boolean);
  /**
   * Told by the group's leader when its members are at rest: log index from which on `voters` are
   * the voters, and nobody else is in the group; 0 when this report says nothing of it.
   */
  'confIndex': (number);
  'voters': (number)[];
  /**
   * A replica that has applied its shard's seal: the epoch in the seal, 0 when this report says nothing
   * of one; one past the shard's last record; when that arrived, epoch milliseconds.
   */
  'sealedEpoch': (number);
  'endOffset': (number);
  'lastArrivalMs': (number);
}
