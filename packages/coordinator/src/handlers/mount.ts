/** The coordinator's services as the process's control server takes them. */
import type { Principal } from "@millrace/model";
import { CoordinatorService, MetadataService } from "@millrace/proto";
import type { ControlCall, ControlService } from "@millrace/rpc";
import { controlService } from "@millrace/rpc";

import type { CoordinatorServices, Unary } from "./services.ts";

/** For `services` of `createControlServer`, whose `authenticate` must give a `Principal`. */
export function controlServices({
  coordinator,
  metadata,
}: CoordinatorServices): readonly ControlService<Principal>[] {
  return [
    controlService<typeof CoordinatorService, Principal>(CoordinatorService, {
      unary: {
        FormCluster: unary(coordinator.formCluster),
        RegisterNode: unary(coordinator.registerNode),
        Heartbeat: unary(coordinator.heartbeat),
        ReportReplicas: unary(coordinator.reportReplicas),
        CreateStream: unary(coordinator.createStream),
        DeleteStream: unary(coordinator.deleteStream),
        UpdateRetention: unary(coordinator.updateRetention),
        UpdateTags: unary(coordinator.updateTags),
        SplitShard: unary(coordinator.splitShard),
        MergeShards: unary(coordinator.mergeShards),
        CancelReshard: unary(coordinator.cancelReshard),
        CreateAccessKey: unary(coordinator.createAccessKey),
        SetNodeGoal: unary(coordinator.setNodeGoal),
        UpdateLimits: unary(coordinator.updateLimits),
        UpdatePlacementPolicy: unary(coordinator.updatePlacementPolicy),
        Rebalance: unary(coordinator.rebalance),
      },
    }),
    controlService<typeof MetadataService, Principal>(MetadataService, {
      unary: { Barrier: unary(metadata.barrier) },
      streams: {
        Tail: (request, sink, { principal }) => {
          sink.onEnd(metadata.tail(request, principal, sink));
        },
      },
    }),
  ];
}

function unary<Request, Response>(handler: Unary<Request, Response>) {
  return (request: Request, { principal }: ControlCall<Principal>): Promise<Response> =>
    handler(request, principal);
}
