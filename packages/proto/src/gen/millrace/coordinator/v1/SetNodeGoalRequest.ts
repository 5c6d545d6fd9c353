// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface SetNodeGoalRequestInput {
  'nodeId'?: (number);
  /**
   * `serve`, `drain` or `decommission`.
   */
  'goal'?: (string);
}

export interface SetNodeGoalRequest {
  'nodeId': (number);
  /**
   * `serve`, `drain` or `decommission`.
   */
  'goal': (string);
}
