/** The two services of the coordinator as plain functions: one argument for the caller, one for the request. */
import type { Principal } from "@millrace/model";
import type {
  BarrierRequest,
  BarrierResponse,
  CancelReshardRequest,
  CancelReshardResponse,
  CreateAccessKeyRequest,
  CreateAccessKeyResponse,
  CreateStreamRequest,
  CreateStreamResponse,
  DeleteStreamRequest,
  DeleteStreamResponse,
  FormClusterRequest,
  FormClusterResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  RebalanceRequest,
  RebalanceResponse,
  MergeShardsRequest,
  MergeShardsResponse,
  RegisterNodeRequest,
  RegisterNodeResponse,
  ReportReplicasRequest,
  ReportReplicasResponse,
  SetNodeGoalRequest,
  SetNodeGoalResponse,
  SplitShardRequest,
  SplitShardResponse,
  TailRequest,
  UpdateLimitsRequest,
  UpdateLimitsResponse,
  UpdatePlacementPolicyRequest,
  UpdatePlacementPolicyResponse,
  UpdateRetentionRequest,
  UpdateRetentionResponse,
  UpdateTagsRequest,
  UpdateTagsResponse,
} from "@millrace/proto";

import type { TailServer } from "../tail-server.ts";
import type { TailSink } from "../tail.ts";
import type { Barriers } from "./barrier.ts";
import { createAccessKey, updateLimits, updatePlacementPolicy } from "./cluster-handlers.ts";
import type { FormClusterDeps } from "./form-cluster.ts";
import { formCluster } from "./form-cluster.ts";
import type { NodeHandlersDeps } from "./node-handlers.ts";
import { heartbeat, registerNode, reportReplicas, setNodeGoal } from "./node-handlers.ts";
import { rebalance } from "./rebalance-handler.ts";
import type { ReshardHandlersDeps } from "./reshard-handlers.ts";
import { cancelReshard, mergeShards, splitShard } from "./reshard-handlers.ts";
import type { StreamHandlersDeps } from "./stream-handlers.ts";
import { createStream, deleteStream, updateRetention, updateTags } from "./stream-handlers.ts";

/** Answers one call; rejects with a `StreamError`. */
export type Unary<Request, Response> = (
  request: Request,
  principal: Principal,
) => Promise<Response>;

export interface CoordinatorHandlers {
  readonly formCluster: Unary<FormClusterRequest, FormClusterResponse>;
  readonly registerNode: Unary<RegisterNodeRequest, RegisterNodeResponse>;
  readonly heartbeat: Unary<HeartbeatRequest, HeartbeatResponse>;
  readonly reportReplicas: Unary<ReportReplicasRequest, ReportReplicasResponse>;
  readonly createStream: Unary<CreateStreamRequest, CreateStreamResponse>;
  readonly deleteStream: Unary<DeleteStreamRequest, DeleteStreamResponse>;
  readonly updateRetention: Unary<UpdateRetentionRequest, UpdateRetentionResponse>;
  readonly updateTags: Unary<UpdateTagsRequest, UpdateTagsResponse>;
  readonly splitShard: Unary<SplitShardRequest, SplitShardResponse>;
  readonly mergeShards: Unary<MergeShardsRequest, MergeShardsResponse>;
  readonly cancelReshard: Unary<CancelReshardRequest, CancelReshardResponse>;
  readonly createAccessKey: Unary<CreateAccessKeyRequest, CreateAccessKeyResponse>;
  readonly setNodeGoal: Unary<SetNodeGoalRequest, SetNodeGoalResponse>;
  readonly updateLimits: Unary<UpdateLimitsRequest, UpdateLimitsResponse>;
  readonly updatePlacementPolicy: Unary<
    UpdatePlacementPolicyRequest,
    UpdatePlacementPolicyResponse
  >;
  readonly rebalance: Unary<RebalanceRequest, RebalanceResponse>;
}

export interface MetadataHandlers {
  readonly barrier: Unary<BarrierRequest, BarrierResponse>;
  /** Starts a tail into `sink`; returns the way to stop it. Throws a `StreamError` when refused. */
  readonly tail: (request: TailRequest, principal: Principal, sink: TailSink) => () => void;
}

export interface CoordinatorServices {
  readonly coordinator: CoordinatorHandlers;
  readonly metadata: MetadataHandlers;
}

export type ServicesDeps = FormClusterDeps &
  NodeHandlersDeps &
  ReshardHandlersDeps &
  StreamHandlersDeps & { readonly tails: TailServer; readonly barriers: Barriers };

export function createServices(deps: ServicesDeps): CoordinatorServices {
  return {
    coordinator: {
      formCluster: (request, principal) => formCluster(deps, request, principal),
      registerNode: (request, principal) => registerNode(deps, request, principal),
      heartbeat: async (request, principal) => heartbeat(deps, request, principal),
      reportReplicas: (request, principal) => reportReplicas(deps, request, principal),
      createStream: (request, principal) => createStream(deps, request, principal),
      deleteStream: (request, principal) => deleteStream(deps, request, principal),
      updateRetention: (request, principal) => updateRetention(deps, request, principal),
      updateTags: (request, principal) => updateTags(deps, request, principal),
      splitShard: async (request, principal) => splitShard(deps, request, principal),
      mergeShards: async (request, principal) => mergeShards(deps, request, principal),
      cancelReshard: (request, principal) => cancelReshard(deps, request, principal),
      createAccessKey: (request, principal) => createAccessKey(deps, request, principal),
      setNodeGoal: (request, principal) => setNodeGoal(deps, request, principal),
      updateLimits: (request, principal) => updateLimits(deps, request, principal),
      updatePlacementPolicy: (request, principal) =>
        updatePlacementPolicy(deps, request, principal),
      rebalance: (request, principal) => rebalance(deps, request, principal),
    },
    metadata: {
      barrier: () => deps.barriers.ask(),
      tail: (request, principal, sink) => deps.tails.open(request, principal, sink),
    },
  };
}
