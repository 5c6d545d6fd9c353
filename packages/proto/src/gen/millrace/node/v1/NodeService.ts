// Original file: proto/millrace/node/v1/node.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { LocateRequestInput as _millrace_node_v1_LocateRequestInput, LocateRequest as _millrace_node_v1_LocateRequest } from '../../../millrace/node/v1/LocateRequest.ts';
import type { LocateResponseInput as _millrace_node_v1_LocateResponseInput, LocateResponse as _millrace_node_v1_LocateResponse } from '../../../millrace/node/v1/LocateResponse.ts';
import type { StatusRequestInput as _millrace_node_v1_StatusRequestInput, StatusRequest as _millrace_node_v1_StatusRequest } from '../../../millrace/node/v1/StatusRequest.ts';
import type { StatusResponseInput as _millrace_node_v1_StatusResponseInput, StatusResponse as _millrace_node_v1_StatusResponse } from '../../../millrace/node/v1/StatusResponse.ts';

/**
 * What one process knows of itself; on the `rpc` port of every role.
 */
export interface NodeServiceClient extends grpc.Client {
  /**
   * Start of a shard iterator: resolves a position to an offset on the shard's leader.
   */
  Locate(argument: _millrace_node_v1_LocateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  Locate(argument: _millrace_node_v1_LocateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  Locate(argument: _millrace_node_v1_LocateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  Locate(argument: _millrace_node_v1_LocateRequestInput, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  /**
   * Start of a shard iterator: resolves a position to an offset on the shard's leader.
   */
  locate(argument: _millrace_node_v1_LocateRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  locate(argument: _millrace_node_v1_LocateRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  locate(argument: _millrace_node_v1_LocateRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;
  locate(argument: _millrace_node_v1_LocateRequestInput, callback: grpc.requestCallback<_millrace_node_v1_LocateResponse>): grpc.ClientUnaryCall;

  Status(argument: _millrace_node_v1_StatusRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  Status(argument: _millrace_node_v1_StatusRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  Status(argument: _millrace_node_v1_StatusRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  Status(argument: _millrace_node_v1_StatusRequestInput, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  status(argument: _millrace_node_v1_StatusRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  status(argument: _millrace_node_v1_StatusRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  status(argument: _millrace_node_v1_StatusRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;
  status(argument: _millrace_node_v1_StatusRequestInput, callback: grpc.requestCallback<_millrace_node_v1_StatusResponse>): grpc.ClientUnaryCall;

}

/**
 * What one process knows of itself; on the `rpc` port of every role.
 */
export interface NodeServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Start of a shard iterator: resolves a position to an offset on the shard's leader.
   */
  Locate: grpc.handleUnaryCall<_millrace_node_v1_LocateRequest, _millrace_node_v1_LocateResponseInput>;

  Status: grpc.handleUnaryCall<_millrace_node_v1_StatusRequest, _millrace_node_v1_StatusResponseInput>;

}

export interface NodeServiceDefinition extends grpc.ServiceDefinition {
  Locate: MethodDefinition<_millrace_node_v1_LocateRequestInput, _millrace_node_v1_LocateResponseInput, _millrace_node_v1_LocateRequest, _millrace_node_v1_LocateResponse>
  Status: MethodDefinition<_millrace_node_v1_StatusRequestInput, _millrace_node_v1_StatusResponseInput, _millrace_node_v1_StatusRequest, _millrace_node_v1_StatusResponse>
}
