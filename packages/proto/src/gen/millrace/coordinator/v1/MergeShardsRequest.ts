// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface MergeShardsRequestInput {
  'account'?: (string);
  'streamName'?: (string);
  /**
   * The one with the lower hash keys.
   */
  'shardIndex'?: (number);
  'adjacentShardIndex'?: (number);
}

export interface MergeShardsRequest {
  'account': (string);
  'streamName': (string);
  /**
   * The one with the lower hash keys.
   */
  'shardIndex': (number);
  'adjacentShardIndex': (number);
}
