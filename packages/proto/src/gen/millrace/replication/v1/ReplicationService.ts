// Original file: proto/millrace/replication/v1/replication.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ExchangeRequestInput as _millrace_replication_v1_ExchangeRequestInput, ExchangeRequest as _millrace_replication_v1_ExchangeRequest } from '../../../millrace/replication/v1/ExchangeRequest.ts';
import type { ExchangeResponseInput as _millrace_replication_v1_ExchangeResponseInput, ExchangeResponse as _millrace_replication_v1_ExchangeResponse } from '../../../millrace/replication/v1/ExchangeResponse.ts';

/**
 * Raft traffic between two nodes. Each node dials every peer once per traffic class (header
 * `millrace-class`: control, append or bulk) and sends; what the peer has to say comes over the
 * stream that the peer dialled. Served on the `data` port by the codec of packages/rpc.
 */
export interface ReplicationServiceClient extends grpc.Client {
  Exchange(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_replication_v1_ExchangeRequestInput, _millrace_replication_v1_ExchangeResponse>;
  Exchange(options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_replication_v1_ExchangeRequestInput, _millrace_replication_v1_ExchangeResponse>;
  exchange(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_replication_v1_ExchangeRequestInput, _millrace_replication_v1_ExchangeResponse>;
  exchange(options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_replication_v1_ExchangeRequestInput, _millrace_replication_v1_ExchangeResponse>;

}

/**
 * Raft traffic between two nodes. Each node dials every peer once per traffic class (header
 * `millrace-class`: control, append or bulk) and sends; what the peer has to say comes over the
 * stream that the peer dialled. Served on the `data` port by the codec of packages/rpc.
 */
export interface ReplicationServiceHandlers extends grpc.UntypedServiceImplementation {
  Exchange: grpc.handleBidiStreamingCall<_millrace_replication_v1_ExchangeRequest, _millrace_replication_v1_ExchangeResponseInput>;

}

export interface ReplicationServiceDefinition extends grpc.ServiceDefinition {
  Exchange: MethodDefinition<_millrace_replication_v1_ExchangeRequestInput, _millrace_replication_v1_ExchangeResponseInput, _millrace_replication_v1_ExchangeRequest, _millrace_replication_v1_ExchangeResponse>
}
