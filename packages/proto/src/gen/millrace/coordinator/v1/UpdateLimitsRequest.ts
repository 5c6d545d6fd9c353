// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface UpdateLimitsRequestInput {
  /**
   * `aws`, `unlimited`, or `custom` followed by JSON of the numbers.
   */
  'limits'?: (string);
}

export interface UpdateLimitsRequest {
  /**
   * `aws`, `unlimited`, or `custom` followed by JSON of the numbers.
   */
  'limits': (string);
}
