// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface CancelReshardRequestInput {
  'account'?: (string);
  'streamName'?: (string);
}

export interface CancelReshardRequest {
  'account': (string);
  'streamName': (string);
}
