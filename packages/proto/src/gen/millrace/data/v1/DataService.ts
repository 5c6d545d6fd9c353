// Original file: proto/millrace/data/v1/data.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AppendRequestInput as _millrace_data_v1_AppendRequestInput, AppendRequest as _millrace_data_v1_AppendRequest } from '../../../millrace/data/v1/AppendRequest.ts';
import type { AppendResponseInput as _millrace_data_v1_AppendResponseInput, AppendResponse as _millrace_data_v1_AppendResponse } from '../../../millrace/data/v1/AppendResponse.ts';
import type { FetchRequestInput as _millrace_data_v1_FetchRequestInput, FetchRequest as _millrace_data_v1_FetchRequest } from '../../../millrace/data/v1/FetchRequest.ts';
import type { FetchResponseInput as _millrace_data_v1_FetchResponseInput, FetchResponse as _millrace_data_v1_FetchResponse } from '../../../millrace/data/v1/FetchResponse.ts';

/**
 * Records in and out of a shard's leader. Both streams are pipelined: replies carry the request's id
 * and may come in another order. Served on the `data` port by the codec of packages/rpc.
 */
export interface DataServiceClient extends grpc.Client {
  Append(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_AppendRequestInput, _millrace_data_v1_AppendResponse>;
  Append(options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_AppendRequestInput, _millrace_data_v1_AppendResponse>;
  append(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_AppendRequestInput, _millrace_data_v1_AppendResponse>;
  append(options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_AppendRequestInput, _millrace_data_v1_AppendResponse>;

  Fetch(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_FetchRequestInput, _millrace_data_v1_FetchResponse>;
  Fetch(options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_FetchRequestInput, _millrace_data_v1_FetchResponse>;
  fetch(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_FetchRequestInput, _millrace_data_v1_FetchResponse>;
  fetch(options?: grpc.CallOptions): grpc.ClientDuplexStream<_millrace_data_v1_FetchRequestInput, _millrace_data_v1_FetchResponse>;

}

/**
 * Records in and out of a shard's leader. Both streams are pipelined: replies carry the request's id
 * and may come in another order. Served on the `data` port by the codec of packages/rpc.
 */
export interface DataServiceHandlers extends grpc.UntypedServiceImplementation {
  Append: grpc.handleBidiStreamingCall<_millrace_data_v1_AppendRequest, _millrace_data_v1_AppendResponseInput>;

  Fetch: grpc.handleBidiStreamingCall<_millrace_data_v1_FetchRequest, _millrace_data_v1_FetchResponseInput>;

}

export interface DataServiceDefinition extends grpc.ServiceDefinition {
  Append: MethodDefinition<_millrace_data_v1_AppendRequestInput, _millrace_data_v1_AppendResponseInput, _millrace_data_v1_AppendRequest, _millrace_data_v1_AppendResponse>
  Fetch: MethodDefinition<_millrace_data_v1_FetchRequestInput, _millrace_data_v1_FetchResponseInput, _millrace_data_v1_FetchRequest, _millrace_data_v1_FetchResponse>
}
