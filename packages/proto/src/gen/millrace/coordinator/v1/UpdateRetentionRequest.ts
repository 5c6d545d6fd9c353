// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface UpdateRetentionRequestInput {
  'account'?: (string);
  'streamName'?: (string);
  /**
   * 24..8760.
   */
  'retentionHours'?: (number);
  /**
   * `increase` refuses a smaller value than now, `decrease` a larger one.
   */
  'direction'?: (string);
}

export interface UpdateRetentionRequest {
  'account': (string);
  'streamName': (string);
  /**
   * 24..8760.
   */
  'retentionHours': (number);
  /**
   * `increase` refuses a smaller value than now, `decrease` a larger one.
   */
  'direction': (string);
}
