// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface CreateStreamRequestInput {
  'account'?: (string);
  'streamName'?: (string);
  /**
   * 1..10000.
   */
  'shardCount'?: (number);
  /**
   * `PROVISIONED` or `ON_DEMAND`.
   */
  'streamMode'?: (string);
  'tags'?: ({[key: string]: string});
  /**
   * 1024..10240.
   */
  'maxRecordSizeKib'?: (number);
  /**
   * Replicas per shard, 1..7; 0 takes the cluster's default (3, or as many brokers as there are).
   */
  'replicationFactor'?: (number);
}

export interface CreateStreamRequest {
  'account': (string);
  'streamName': (string);
  /**
   * 1..10000.
   */
  'shardCount': (number);
  /**
   * `PROVISIONED` or `ON_DEMAND`.
   */
  'streamMode': (string);
  'tags': ({[key: string]: string});
  /**
   * 1024..10240.
   */
  'maxRecordSizeKib': (number);
  /**
   * Replicas per shard, 1..7; 0 takes the cluster's default (3, or as many brokers as there are).
   */
  'replicationFactor': (number);
}
