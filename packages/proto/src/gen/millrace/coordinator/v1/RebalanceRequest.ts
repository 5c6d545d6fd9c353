// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface RebalanceRequestInput {
  /**
   * `plan` changes nothing, `start` carries the plan out step by step, `cancel` ends that.
   */
  'action'?: (string);
}

export interface RebalanceRequest {
  /**
   * `plan` changes nothing, `start` carries the plan out step by step, `cancel` ends that.
   */
  'action': (string);
}
