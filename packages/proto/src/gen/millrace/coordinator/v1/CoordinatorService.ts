// Original file: proto/millrace/coordinator/v1/coordinator.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelReshardRequestInput as _millrace_coordinator_v1_CancelReshardRequestInput, CancelReshardRequest as _millrace_coordinator_v1_CancelReshardRequest } from '../../../millrace/coordinator/v1/CancelReshardRequest.ts';
import type { CancelReshardResponseInput as _millrace_coordinator_v1_CancelReshardResponseInput, CancelReshardResponse as _millrace_coordinator_v1_CancelReshardResponse } from '../../../millrace/coordinator/v1/CancelReshardResponse.ts';
import type { CreateAccessKeyRequestInput as _millrace_coordinator_v1_CreateAccessKeyRequestInput, CreateAccessKeyRequest as _millrace_coordinator_v1_CreateAccessKeyRequest } from '../../../millrace/coordinator/v1/CreateAccessKeyRequest.ts';
import type { CreateAccessKeyResponseInput as _millrace_coordinator_v1_CreateAccessKeyResponseInput, CreateAccessKeyResponse as _millrace_coordinator_v1_CreateAccessKeyResponse } from '../../../millrace/coordinator/v1/CreateAccessKeyResponse.ts';
import type { CreateStreamRequestInput as _millrace_coordinator_v1_CreateStreamRequestInput, CreateStreamRequest as _millrace_coordinator_v1_CreateStreamRequest } from '../../../millrace/coordinator/v1/CreateStreamRequest.ts';
import type { CreateStreamResponseInput as _millrace_coordinator_v1_CreateStreamResponseInput, CreateStreamResponse as _millrace_coordinator_v1_CreateStreamResponse } from '../../../millrace/coordinator/v1/CreateStreamResponse.ts';
import type { DeleteStreamRequestInput as _millrace_coordinator_v1_DeleteStreamRequestInput, DeleteStreamRequest as _millrace_coordinator_v1_DeleteStreamRequest } from '../../../millrace/coordinator/v1/DeleteStreamRequest.ts';
import type { DeleteStreamResponseInput as _millrace_coordinator_v1_DeleteStreamResponseInput, DeleteStreamResponse as _millrace_coordinator_v1_DeleteStreamResponse } from '../../../millrace/coordinator/v1/DeleteStreamResponse.ts';
import type { FormClusterRequestInput as _millrace_coordinator_v1_FormClusterRequestInput, FormClusterRequest as _millrace_coordinator_v1_FormClusterRequest } from '../../../millrace/coordinator/v1/FormClusterRequest.ts';
import type { FormClusterResponseInput as _millrace_coordinator_v1_FormClusterResponseInput, FormClusterResponse as _millrace_coordinator_v1_FormClusterResponse } from '../../../millrace/coordinator/v1/FormClusterResponse.ts';
import type { HeartbeatRequestInput as _millrace_coordinator_v1_HeartbeatRequestInput, HeartbeatRequest as _millrace_coordinator_v1_HeartbeatRequest } from '../../../millrace/coordinator/v1/HeartbeatRequest.ts';
import type { HeartbeatResponseInput as _millrace_coordinator_v1_HeartbeatResponseInput, HeartbeatResponse as _millrace_coordinator_v1_HeartbeatResponse } from '../../../millrace/coordinator/v1/HeartbeatResponse.ts';
import type { MergeShardsRequestInput as _millrace_coordinator_v1_MergeShardsRequestInput, MergeShardsRequest as _millrace_coordinator_v1_MergeShardsRequest } from '../../../millrace/coordinator/v1/MergeShardsRequest.ts';
import type { MergeShardsResponseInput as _millrace_coordinator_v1_MergeShardsResponseInput, MergeShardsResponse as _millrace_coordinator_v1_MergeShardsResponse } from '../../../millrace/coordinator/v1/MergeShardsResponse.ts';
import type { RebalanceRequestInput as _millrace_coordinator_v1_RebalanceRequestInput, RebalanceRequest as _millrace_coordinator_v1_RebalanceRequest } from '../../../millrace/coordinator/v1/RebalanceRequest.ts';
import type { RebalanceResponseInput as _millrace_coordinator_v1_RebalanceResponseInput, RebalanceResponse as _millrace_coordinator_v1_RebalanceResponse } from '../../../millrace/coordinator/v1/RebalanceResponse.ts';
import type { RegisterNodeRequestInput as _millrace_coordinator_v1_RegisterNodeRequestInput, RegisterNodeRequest as _millrace_coordinator_v1_RegisterNodeRequest } from '../../../millrace/coordinator/v1/RegisterNodeRequest.ts';
import type { RegisterNodeResponseInput as _millrace_coordinator_v1_RegisterNodeResponseInput, RegisterNodeResponse as _millrace_coordinator_v1_RegisterNodeResponse } from '../../../millrace/coordinator/v1/RegisterNodeResponse.ts';
import type { ReportReplicasRequestInput as _millrace_coordinator_v1_ReportReplicasRequestInput, ReportReplicasRequest as _millrace_coordinator_v1_ReportReplicasRequest } from '../../../millrace/coordinator/v1/ReportReplicasRequest.ts';
import type { ReportReplicasResponseInput as _millrace_coordinator_v1_ReportReplicasResponseInput, ReportReplicasResponse as _millrace_coordinator_v1_ReportReplicasResponse } from '../../../millrace/coordinator/v1/ReportReplicasResponse.ts';
import type { SetNodeGoalRequestInput as _millrace_coordinator_v1_SetNodeGoalRequestInput, SetNodeGoalRequest as _millrace_coordinator_v1_SetNodeGoalRequest } from '../../../millrace/coordinator/v1/SetNodeGoalRequest.ts';
import type { SetNodeGoalResponseInput as _millrace_coordinator_v1_SetNodeGoalResponseInput, SetNodeGoalResponse as _millrace_coordinator_v1_SetNodeGoalResponse } from '../../../millrace/coordinator/v1/SetNodeGoalResponse.ts';
import type { SplitShardRequestInput as _millrace_coordinator_v1_SplitShardRequestInput, SplitShardRequest as _millrace_coordinator_v1_SplitShardRequest } from '../../../millrace/coordinator/v1/SplitShardRequest.ts';
import type { SplitShardResponseInput as _millrace_coordinator_v1_SplitShardResponseInput, SplitShardResponse as _millrace_coordinator_v1_SplitShardResponse } from '../../../millrace/coordinator/v1/SplitShardResponse.ts';
import type { UpdateLimitsRequestInput as _millrace_coordinator_v1_UpdateLimitsRequestInput, UpdateLimitsRequest as _millrace_coordinator_v1_UpdateLimitsRequest } from '../../../millrace/coordinator/v1/UpdateLimitsRequest.ts';
import type { UpdateLimitsResponseInput as _millrace_coordinator_v1_UpdateLimitsResponseInput, UpdateLimitsResponse as _millrace_coordinator_v1_UpdateLimitsResponse } from '../../../millrace/coordinator/v1/UpdateLimitsResponse.ts';
import type { UpdatePlacementPolicyRequestInput as _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, UpdatePlacementPolicyRequest as _millrace_coordinator_v1_UpdatePlacementPolicyRequest } from '../../../millrace/coordinator/v1/UpdatePlacementPolicyRequest.ts';
import type { UpdatePlacementPolicyResponseInput as _millrace_coordinator_v1_UpdatePlacementPolicyResponseInput, UpdatePlacementPolicyResponse as _millrace_coordinator_v1_UpdatePlacementPolicyResponse } from '../../../millrace/coordinator/v1/UpdatePlacementPolicyResponse.ts';
import type { UpdateRetentionRequestInput as _millrace_coordinator_v1_UpdateRetentionRequestInput, UpdateRetentionRequest as _millrace_coordinator_v1_UpdateRetentionRequest } from '../../../millrace/coordinator/v1/UpdateRetentionRequest.ts';
import type { UpdateRetentionResponseInput as _millrace_coordinator_v1_UpdateRetentionResponseInput, UpdateRetentionResponse as _millrace_coordinator_v1_UpdateRetentionResponse } from '../../../millrace/coordinator/v1/UpdateRetentionResponse.ts';
import type { UpdateTagsRequestInput as _millrace_coordinator_v1_UpdateTagsRequestInput, UpdateTagsRequest as _millrace_coordinator_v1_UpdateTagsRequest } from '../../../millrace/coordinator/v1/UpdateTagsRequest.ts';
import type { UpdateTagsResponseInput as _millrace_coordinator_v1_UpdateTagsResponseInput, UpdateTagsResponse as _millrace_coordinator_v1_UpdateTagsResponse } from '../../../millrace/coordinator/v1/UpdateTagsResponse.ts';

/**
 * Changes to cluster metadata. Every call is answered by the leader of the metadata group; another
 * node refuses with `not-leader` and the leader's address. A reply comes when the change is
 * committed and applied, with the index that a tail must reach to see it.
 */
export interface CoordinatorServiceClient extends grpc.Client {
  /**
   * Takes back a split or merge of which no parent was ordered to be sealed yet.
   */
  CancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  CancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  CancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  CancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  /**
   * Takes back a split or merge of which no parent was ordered to be sealed yet.
   */
  cancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  cancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  cancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;
  cancelReshard(argument: _millrace_coordinator_v1_CancelReshardRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_CancelReshardResponse>): grpc.ClientUnaryCall;

  CreateAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  CreateAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  CreateAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  CreateAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  createAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  createAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  createAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;
  createAccessKey(argument: _millrace_coordinator_v1_CreateAccessKeyRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateAccessKeyResponse>): grpc.ClientUnaryCall;

  CreateStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  CreateStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  CreateStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  CreateStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  createStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  createStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  createStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;
  createStream(argument: _millrace_coordinator_v1_CreateStreamRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_CreateStreamResponse>): grpc.ClientUnaryCall;

  DeleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  DeleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  DeleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  DeleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  deleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  deleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  deleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;
  deleteStream(argument: _millrace_coordinator_v1_DeleteStreamRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_DeleteStreamResponse>): grpc.ClientUnaryCall;

  /**
   * Forms a cluster on a node that has none. Sent to each voter of the fixed list; repeating it with
   * the same cluster id is harmless.
   */
  FormCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  FormCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  FormCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  FormCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  /**
   * Forms a cluster on a node that has none. Sent to each voter of the fixed list; repeating it with
   * the same cluster id is harmless.
   */
  formCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  formCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  formCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;
  formCluster(argument: _millrace_coordinator_v1_FormClusterRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_FormClusterResponse>): grpc.ClientUnaryCall;

  /**
   * Keeps a registered process alive in the coordinator's eyes; sent every second.
   */
  Heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  Heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  Heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  Heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  /**
   * Keeps a registered process alive in the coordinator's eyes; sent every second.
   */
  heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;
  heartbeat(argument: _millrace_coordinator_v1_HeartbeatRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_HeartbeatResponse>): grpc.ClientUnaryCall;

  MergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  MergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  MergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  MergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  mergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  mergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  mergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;
  mergeShards(argument: _millrace_coordinator_v1_MergeShardsRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_MergeShardsResponse>): grpc.ClientUnaryCall;

  /**
   * Evens out replicas and leaders, or shows what that would take.
   */
  Rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  Rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  Rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  Rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  /**
   * Evens out replicas and leaders, or shows what that would take.
   */
  rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;
  rebalance(argument: _millrace_coordinator_v1_RebalanceRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_RebalanceResponse>): grpc.ClientUnaryCall;

  /**
   * Makes a process known, or renews what is known of it, at every start.
   */
  RegisterNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  RegisterNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  RegisterNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  RegisterNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  /**
   * Makes a process known, or renews what is known of it, at every start.
   */
  registerNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  registerNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  registerNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;
  registerNode(argument: _millrace_coordinator_v1_RegisterNodeRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_RegisterNodeResponse>): grpc.ClientUnaryCall;

  /**
   * A broker's word on replicas that metadata places on it.
   */
  ReportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  ReportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  ReportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  ReportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  /**
   * A broker's word on replicas that metadata places on it.
   */
  reportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  reportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  reportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;
  reportReplicas(argument: _millrace_coordinator_v1_ReportReplicasRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_ReportReplicasResponse>): grpc.ClientUnaryCall;

  /**
   * Takes a node out of service, step by step, or back into it.
   */
  SetNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  SetNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  SetNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  SetNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  /**
   * Takes a node out of service, step by step, or back into it.
   */
  setNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  setNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  setNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;
  setNodeGoal(argument: _millrace_coordinator_v1_SetNodeGoalRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_SetNodeGoalResponse>): grpc.ClientUnaryCall;

  /**
   * Lets two shards take over from one, or one from two neighbours: the stream is UPDATING when this
   * returns, and ACTIVE again when the children are open.
   */
  SplitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  SplitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  SplitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  SplitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  /**
   * Lets two shards take over from one, or one from two neighbours: the stream is UPDATING when this
   * returns, and ACTIVE again when the children are open.
   */
  splitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  splitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  splitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;
  splitShard(argument: _millrace_coordinator_v1_SplitShardRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_SplitShardResponse>): grpc.ClientUnaryCall;

  UpdateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  UpdateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  UpdateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  UpdateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  updateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  updateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  updateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;
  updateLimits(argument: _millrace_coordinator_v1_UpdateLimitsRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateLimitsResponse>): grpc.ClientUnaryCall;

  /**
   * Sets how the cluster looks after its replicas; what is not named stays.
   */
  UpdatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  UpdatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  UpdatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  UpdatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  /**
   * Sets how the cluster looks after its replicas; what is not named stays.
   */
  updatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  updatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  updatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;
  updatePlacementPolicy(argument: _millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdatePlacementPolicyResponse>): grpc.ClientUnaryCall;

  UpdateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  UpdateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  UpdateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  UpdateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  updateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  updateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  updateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;
  updateRetention(argument: _millrace_coordinator_v1_UpdateRetentionRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateRetentionResponse>): grpc.ClientUnaryCall;

  UpdateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  UpdateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  UpdateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  UpdateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  updateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  updateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  updateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;
  updateTags(argument: _millrace_coordinator_v1_UpdateTagsRequestInput, callback: grpc.requestCallback<_millrace_coordinator_v1_UpdateTagsResponse>): grpc.ClientUnaryCall;

}

/**
 * Changes to cluster metadata. Every call is answered by the leader of the metadata group; another
 * node refuses with `not-leader` and the leader's address. A reply comes when the change is
 * committed and applied, with the index that a tail must reach to see it.
 */
export interface CoordinatorServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Takes back a split or merge of which no parent was ordered to be sealed yet.
   */
  CancelReshard: grpc.handleUnaryCall<_millrace_coordinator_v1_CancelReshardRequest, _millrace_coordinator_v1_CancelReshardResponseInput>;

  CreateAccessKey: grpc.handleUnaryCall<_millrace_coordinator_v1_CreateAccessKeyRequest, _millrace_coordinator_v1_CreateAccessKeyResponseInput>;

  CreateStream: grpc.handleUnaryCall<_millrace_coordinator_v1_CreateStreamRequest, _millrace_coordinator_v1_CreateStreamResponseInput>;

  DeleteStream: grpc.handleUnaryCall<_millrace_coordinator_v1_DeleteStreamRequest, _millrace_coordinator_v1_DeleteStreamResponseInput>;

  /**
   * Forms a cluster on a node that has none. Sent to each voter of the fixed list; repeating it with
   * the same cluster id is harmless.
   */
  FormCluster: grpc.handleUnaryCall<_millrace_coordinator_v1_FormClusterRequest, _millrace_coordinator_v1_FormClusterResponseInput>;

  /**
   * Keeps a registered process alive in the coordinator's eyes; sent every second.
   */
  Heartbeat: grpc.handleUnaryCall<_millrace_coordinator_v1_HeartbeatRequest, _millrace_coordinator_v1_HeartbeatResponseInput>;

  MergeShards: grpc.handleUnaryCall<_millrace_coordinator_v1_MergeShardsRequest, _millrace_coordinator_v1_MergeShardsResponseInput>;

  /**
   * Evens out replicas and leaders, or shows what that would take.
   */
  Rebalance: grpc.handleUnaryCall<_millrace_coordinator_v1_RebalanceRequest, _millrace_coordinator_v1_RebalanceResponseInput>;

  /**
   * Makes a process known, or renews what is known of it, at every start.
   */
  RegisterNode: grpc.handleUnaryCall<_millrace_coordinator_v1_RegisterNodeRequest, _millrace_coordinator_v1_RegisterNodeResponseInput>;

  /**
   * A broker's word on replicas that metadata places on it.
   */
  ReportReplicas: grpc.handleUnaryCall<_millrace_coordinator_v1_ReportReplicasRequest, _millrace_coordinator_v1_ReportReplicasResponseInput>;

  /**
   * Takes a node out of service, step by step, or back into it.
   */
  SetNodeGoal: grpc.handleUnaryCall<_millrace_coordinator_v1_SetNodeGoalRequest, _millrace_coordinator_v1_SetNodeGoalResponseInput>;

  /**
   * Lets two shards take over from one, or one from two neighbours: the stream is UPDATING when this
   * returns, and ACTIVE again when the children are open.
   */
  SplitShard: grpc.handleUnaryCall<_millrace_coordinator_v1_SplitShardRequest, _millrace_coordinator_v1_SplitShardResponseInput>;

  UpdateLimits: grpc.handleUnaryCall<_millrace_coordinator_v1_UpdateLimitsRequest, _millrace_coordinator_v1_UpdateLimitsResponseInput>;

  /**
   * Sets how the cluster looks after its replicas; what is not named stays.
   */
  UpdatePlacementPolicy: grpc.handleUnaryCall<_millrace_coordinator_v1_UpdatePlacementPolicyRequest, _millrace_coordinator_v1_UpdatePlacementPolicyResponseInput>;

  UpdateRetention: grpc.handleUnaryCall<_millrace_coordinator_v1_UpdateRetentionRequest, _millrace_coordinator_v1_UpdateRetentionResponseInput>;

  UpdateTags: grpc.handleUnaryCall<_millrace_coordinator_v1_UpdateTagsRequest, _millrace_coordinator_v1_UpdateTagsResponseInput>;

}

export interface CoordinatorServiceDefinition extends grpc.ServiceDefinition {
  CancelReshard: MethodDefinition<_millrace_coordinator_v1_CancelReshardRequestInput, _millrace_coordinator_v1_CancelReshardResponseInput, _millrace_coordinator_v1_CancelReshardRequest, _millrace_coordinator_v1_CancelReshardResponse>
  CreateAccessKey: MethodDefinition<_millrace_coordinator_v1_CreateAccessKeyRequestInput, _millrace_coordinator_v1_CreateAccessKeyResponseInput, _millrace_coordinator_v1_CreateAccessKeyRequest, _millrace_coordinator_v1_CreateAccessKeyResponse>
  CreateStream: MethodDefinition<_millrace_coordinator_v1_CreateStreamRequestInput, _millrace_coordinator_v1_CreateStreamResponseInput, _millrace_coordinator_v1_CreateStreamRequest, _millrace_coordinator_v1_CreateStreamResponse>
  DeleteStream: MethodDefinition<_millrace_coordinator_v1_DeleteStreamRequestInput, _millrace_coordinator_v1_DeleteStreamResponseInput, _millrace_coordinator_v1_DeleteStreamRequest, _millrace_coordinator_v1_DeleteStreamResponse>
  FormCluster: MethodDefinition<_millrace_coordinator_v1_FormClusterRequestInput, _millrace_coordinator_v1_FormClusterResponseInput, _millrace_coordinator_v1_FormClusterRequest, _millrace_coordinator_v1_FormClusterResponse>
  Heartbeat: MethodDefinition<_millrace_coordinator_v1_HeartbeatRequestInput, _millrace_coordinator_v1_HeartbeatResponseInput, _millrace_coordinator_v1_HeartbeatRequest, _millrace_coordinator_v1_HeartbeatResponse>
  MergeShards: MethodDefinition<_millrace_coordinator_v1_MergeShardsRequestInput, _millrace_coordinator_v1_MergeShardsResponseInput, _millrace_coordinator_v1_MergeShardsRequest, _millrace_coordinator_v1_MergeShardsResponse>
  Rebalance: MethodDefinition<_millrace_coordinator_v1_RebalanceRequestInput, _millrace_coordinator_v1_RebalanceResponseInput, _millrace_coordinator_v1_RebalanceRequest, _millrace_coordinator_v1_RebalanceResponse>
  RegisterNode: MethodDefinition<_millrace_coordinator_v1_RegisterNodeRequestInput, _millrace_coordinator_v1_RegisterNodeResponseInput, _millrace_coordinator_v1_RegisterNodeRequest, _millrace_coordinator_v1_RegisterNodeResponse>
  ReportReplicas: MethodDefinition<_millrace_coordinator_v1_ReportReplicasRequestInput, _millrace_coordinator_v1_ReportReplicasResponseInput, _millrace_coordinator_v1_ReportReplicasRequest, _millrace_coordinator_v1_ReportReplicasResponse>
  SetNodeGoal: MethodDefinition<_millrace_coordinator_v1_SetNodeGoalRequestInput, _millrace_coordinator_v1_SetNodeGoalResponseInput, _millrace_coordinator_v1_SetNodeGoalRequest, _millrace_coordinator_v1_SetNodeGoalResponse>
  SplitShard: MethodDefinition<_millrace_coordinator_v1_SplitShardRequestInput, _millrace_coordinator_v1_SplitShardResponseInput, _millrace_coordinator_v1_SplitShardRequest, _millrace_coordinator_v1_SplitShardResponse>
  UpdateLimits: MethodDefinition<_millrace_coordinator_v1_UpdateLimitsRequestInput, _millrace_coordinator_v1_UpdateLimitsResponseInput, _millrace_coordinator_v1_UpdateLimitsRequest, _millrace_coordinator_v1_UpdateLimitsResponse>
  UpdatePlacementPolicy: MethodDefinition<_millrace_coordinator_v1_UpdatePlacementPolicyRequestInput, _millrace_coordinator_v1_UpdatePlacementPolicyResponseInput, _millrace_coordinator_v1_UpdatePlacementPolicyRequest, _millrace_coordinator_v1_UpdatePlacementPolicyResponse>
  UpdateRetention: MethodDefinition<_millrace_coordinator_v1_UpdateRetentionRequestInput, _millrace_coordinator_v1_UpdateRetentionResponseInput, _millrace_coordinator_v1_UpdateRetentionRequest, _millrace_coordinator_v1_UpdateRetentionResponse>
  UpdateTags: MethodDefinition<_millrace_coordinator_v1_UpdateTagsRequestInput, _millrace_coordinator_v1_UpdateTagsResponseInput, _millrace_coordinator_v1_UpdateTagsRequest, _millrace_coordinator_v1_UpdateTagsResponse>
}
