// Original file: proto/millrace/metadata/v1/metadata.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { BarrierRequestInput as _millrace_metadata_v1_BarrierRequestInput, BarrierRequest as _millrace_metadata_v1_BarrierRequest } from '../../../millrace/metadata/v1/BarrierRequest.ts';
import type { BarrierResponseInput as _millrace_metadata_v1_BarrierResponseInput, BarrierResponse as _millrace_metadata_v1_BarrierResponse } from '../../../millrace/metadata/v1/BarrierResponse.ts';
import type { TailRequestInput as _millrace_metadata_v1_TailRequestInput, TailRequest as _millrace_metadata_v1_TailRequest } from '../../../millrace/metadata/v1/TailRequest.ts';
import type { TailResponseInput as _millrace_metadata_v1_TailResponseInput, TailResponse as _millrace_metadata_v1_TailResponse } from '../../../millrace/metadata/v1/TailResponse.ts';

/**
 * Cluster metadata as every process follows it: one snapshot, then deltas in log order. Nobody polls.
 */
export interface MetadataServiceClient extends grpc.Client {
  /**
   * Index that a linearizable read must have reached: the coordinator leader's ReadIndex.
   */
  Barrier(argument: _millrace_metadata_v1_BarrierRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  Barrier(argument: _millrace_metadata_v1_BarrierRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  Barrier(argument: _millrace_metadata_v1_BarrierRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  Barrier(argument: _millrace_metadata_v1_BarrierRequestInput, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  /**
   * Index that a linearizable read must have reached: the coordinator leader's ReadIndex.
   */
  barrier(argument: _millrace_metadata_v1_BarrierRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  barrier(argument: _millrace_metadata_v1_BarrierRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  barrier(argument: _millrace_metadata_v1_BarrierRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;
  barrier(argument: _millrace_metadata_v1_BarrierRequestInput, callback: grpc.requestCallback<_millrace_metadata_v1_BarrierResponse>): grpc.ClientUnaryCall;

  /**
   * Served by any coordinator node from its applied state. A heartbeat comes at least every second.
   */
  Tail(argument: _millrace_metadata_v1_TailRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_millrace_metadata_v1_TailResponse>;
  Tail(argument: _millrace_metadata_v1_TailRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_millrace_metadata_v1_TailResponse>;
  /**
   * Served by any coordinator node from its applied state. A heartbeat comes at least every second.
   */
  tail(argument: _millrace_metadata_v1_TailRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_millrace_metadata_v1_TailResponse>;
  tail(argument: _millrace_metadata_v1_TailRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_millrace_metadata_v1_TailResponse>;

}

/**
 * Cluster metadata as every process follows it: one snapshot, then deltas in log order. Nobody polls.
 */
export interface MetadataServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Index that a linearizable read must have reached: the coordinator leader's ReadIndex.
   */
  Barrier: grpc.handleUnaryCall<_millrace_metadata_v1_BarrierRequest, _millrace_metadata_v1_BarrierResponseInput>;

  /**
   * Served by any coordinator node from its applied state. A heartbeat comes at least every second.
   */
  Tail: grpc.handleServerStreamingCall<_millrace_metadata_v1_TailRequest, _millrace_metadata_v1_TailResponseInput>;

}

export interface MetadataServiceDefinition extends grpc.ServiceDefinition {
  Barrier: MethodDefinition<_millrace_metadata_v1_BarrierRequestInput, _millrace_metadata_v1_BarrierResponseInput, _millrace_metadata_v1_BarrierRequest, _millrace_metadata_v1_BarrierResponse>
  Tail: MethodDefinition<_millrace_metadata_v1_TailRequestInput, _millrace_metadata_v1_TailResponseInput, _millrace_metadata_v1_TailRequest, _millrace_metadata_v1_TailResponse>
}
