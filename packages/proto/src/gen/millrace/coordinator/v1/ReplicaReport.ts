// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface ReplicaReportInput {
  'groupId'?: (number | string | Long);
  'replicaId'?: (number | string | Long);
  /**
   * `created`: durable here. `lost`: metadata says it was created, but it is not here.
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
}

export interface ReplicaReport {
  'groupId': (number);
  'replicaId': (number);
  /**
   * `created`: durable here. `lost`: metadata says it was created, but it is not here.
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
}
