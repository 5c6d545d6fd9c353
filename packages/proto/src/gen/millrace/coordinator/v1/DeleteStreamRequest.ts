// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface DeleteStreamRequestInput {
  'account'?: (string);
  'streamName'?: (string);
  /**
   * Empty accepts any incarnation of the name.
   */
  'streamId'?: (string);
}

export interface DeleteStreamRequest {
  'account': (string);
  'streamName': (string);
  /**
   * Empty accepts any incarnation of the name.
   */
  'streamId': (string);
}
