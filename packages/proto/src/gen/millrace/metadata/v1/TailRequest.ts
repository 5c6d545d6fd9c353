// Original file: proto/millrace/metadata/v1/metadata.proto

import type { TailScopeInput as _millrace_metadata_v1_TailScopeInput, TailScope as _millrace_metadata_v1_TailScope } from '../../../millrace/metadata/v1/TailScope.ts';
import type { Long } from '@grpc/proto-loader';

export interface TailRequestInput {
  'scope'?: (_millrace_metadata_v1_TailScopeInput);
  /**
   * Index that the caller has applied; 0 asks for a snapshot. A snapshot also comes when the
   * deltas since then are gone.
   */
  'fromIndex'?: (number | string | Long);
  /**
   * Empty accepts any cluster; another cluster's id refuses the call.
   */
  'clusterId'?: (string);
}

export interface TailRequest {
  'scope': (_millrace_metadata_v1_TailScope);
  /**
   * Index that the caller has applied; 0 asks for a snapshot. A snapshot also comes when the
   * deltas since then are gone.
   */
  'fromIndex': (number);
  /**
   * Empty accepts any cluster; another cluster's id refuses the call.
   */
  'clusterId': (string);
}
