// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type { ReplicaReportInput as _millrace_coordinator_v1_ReplicaReportInput, ReplicaReport as _millrace_coordinator_v1_ReplicaReport } from '../../../millrace/coordinator/v1/ReplicaReport.ts';

export interface ReportReplicasRequestInput {
  'nodeId'?: (number);
  'incarnation'?: (string);
  'replicas'?: (_millrace_coordinator_v1_ReplicaReportInput)[];
}

export interface ReportReplicasRequest {
  'nodeId': (number);
  'incarnation': (string);
  'replicas': (_millrace_coordinator_v1_ReplicaReport)[];
}
