/** Keys and limits of the cluster as a whole. */
import type { Clock } from "@millrace/base";
import type { Principal } from "@millrace/model";
import { checkPlacementPolicy } from "@millrace/model";
import type {
  CreateAccessKeyRequest,
  CreateAccessKeyResponse,
  UpdateLimitsRequest,
  UpdateLimitsResponse,
  UpdatePlacementPolicyRequest,
  UpdatePlacementPolicyResponse,
} from "@millrace/proto";

import type { Proposer } from "../proposer.ts";
import { requireCluster } from "./authorize.ts";
import { parseLimits, requireAccessKeyId, requireAccountId, requireSealed } from "./checks.ts";

export interface ClusterHandlersDeps {
  readonly clock: Clock;
  readonly proposer: Proposer;
}

/** CreateAccessKey: only who holds the cluster secret can have sealed the key's own. */
export async function createAccessKey(
  { clock, proposer }: ClusterHandlersDeps,
  request: CreateAccessKeyRequest,
  principal: Principal,
): Promise<CreateAccessKeyResponse> {
  requireCluster(principal, "CreateAccessKey");
  const metadataIndex = await proposer.propose({
    kind: "create-access-key",
    accessKeyId: requireAccessKeyId(request.accessKeyId),
    account: requireAccountId(request.account),
    sealedSecret: requireSealed("sealedSecret", request.sealedSecret),
    nowMs: clock.nowMs(),
  });
  return { metadataIndex };
}

/** UpdateLimits: for all streams of the cluster. */
export async function updateLimits(
  { proposer }: ClusterHandlersDeps,
  request: UpdateLimitsRequest,
  principal: Principal,
): Promise<UpdateLimitsResponse> {
  requireCluster(principal, "UpdateLimits");
  const limits = parseLimits(request.limits);
  return { metadataIndex: await proposer.propose({ kind: "update-limits", limits }) };
}

/** UpdatePlacementPolicy: what the request names, the rest stays. */
export async function updatePlacementPolicy(
  { proposer }: ClusterHandlersDeps,
  request: UpdatePlacementPolicyRequest,
  principal: Principal,
): Promise<UpdatePlacementPolicyResponse> {
  requireCluster(principal, "UpdatePlacementPolicy");
  const policy = checkPlacementPolicy(request.settings);
  return { metadataIndex: await proposer.propose({ kind: "update-placement-policy", policy }) };
}
