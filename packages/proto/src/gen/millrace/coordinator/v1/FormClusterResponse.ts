// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface FormClusterResponseInput {
  'clusterId'?: (string);
}

export interface FormClusterResponse {
  'clusterId': (string);
}
