// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface SplitShardRequestInput {
  'account'?: (string);
  'streamName'?: (string);
  'shardIndex'?: (number);
  /**
   * First hash key of the upper child, decimal; empty for the middle of the shard's range.
   */
  'newStartingHashKey'?: (string);
}

export interface SplitShardRequest {
  'account': (string);
  'streamName': (string);
  'shardIndex': (number);
  /**
   * First hash key of the upper child, decimal; empty for the middle of the shard's range.
   */
  'newStartingHashKey': (string);
}
