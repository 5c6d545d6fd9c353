/**
 * Forming a cluster: once, by a fixed list of voters that every one of them is told.
 *
 * The order of effects matters. The cluster id is made durable first, so a node can never be drawn
 * into two clusters; then the replica of the metadata group; and whichever voter comes to lead
 * commits the first records. The call may be repeated after a crash at any point: each effect is
 * skipped where it has happened. A voter is named with the incarnation of its disk, so a disk that
 * was emptied since is refused instead of voting with no memory (S7, S8).
 */
import { METADATA_GROUP_ID, nodeId, requireWithin, safeInteger, StreamError } from "@millrace/base";
import type { NodeAddresses, NodeRecord, Principal } from "@millrace/model";
import type { FormClusterRequest, FormClusterResponse, Voter } from "@millrace/proto";

import type { IdentityStore, MetadataLane } from "../group-port.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { FormClusterCommand } from "../state/command.ts";
import type { MetadataState } from "../state/metadata-state.ts";
import { requireCluster } from "./authorize.ts";
import {
  parseLimits,
  requireAccessKeyId,
  requireAccountId,
  requireSealed,
  requireText,
} from "./checks.ts";
import { toAddresses } from "./node-handlers.ts";

const VOTERS_MAX = 7;

/** A voter of the metadata group and where to dial it. */
export interface VoterAddress {
  readonly nodeId: number;
  readonly addresses: NodeAddresses;
}

export interface FormClusterDeps {
  readonly nodeId: number;
  readonly storage: IdentityStore;
  readonly state: MetadataState;
  readonly lane: MetadataLane;
  readonly lifecycle: Lifecycle;
  readonly groupMaker: MetadataGroupMaker;
  /** Told once the list is checked, before the group is made: a restart needs the addresses. */
  readonly onVoters?: ((voters: readonly VoterAddress[]) => void) | undefined;
}

/** @throws StreamError `invalid-argument`, `permission-denied`, or `wrong-state` on a node of another cluster. */
export async function formCluster(
  deps: FormClusterDeps,
  request: FormClusterRequest,
  principal: Principal,
): Promise<FormClusterResponse> {
  requireCluster(principal, "FormCluster");
  const clusterId = requireText("clusterId", request.clusterId);
  const voters = checkVoters(request.voters);
  const command = toCommand(request, clusterId, voters);
  const own = requireOwnVoter(deps, voters);
  await deps.storage.setClusterId(requireFree(deps, clusterId));
  deps.onVoters?.(voters);
  for (const { nodeId: voterId, addresses } of voters) {
    const address = addresses.data ?? addresses.rpc;
    if (voterId !== deps.nodeId) deps.lane.setPeer(voterId, address);
  }
  deps.lifecycle.setForming(command);
  await deps.groupMaker.make(deps.lane, own.replicaId, voters);
  return { clusterId };
}

/** Makes the replica of the metadata group once, also for calls that come while it is being made. */
export class MetadataGroupMaker {
  #making: Promise<unknown> | undefined;

  async make(
    lane: MetadataLane,
    replicaId: number,
    voters: readonly { readonly replicaId: number; readonly nodeId: number }[],
  ): Promise<void> {
    if (lane.group(METADATA_GROUP_ID) !== undefined) return;
    const members = voters.map((voter) => ({ replicaId: voter.replicaId, nodeId: voter.nodeId }));
    const init = { groupId: METADATA_GROUP_ID, replicaId, kind: "metadata" } as const;
    this.#making ??= lane.createGroup({ ...init, members });
    try {
      await this.#making;
    } finally {
      this.#making = undefined;
    }
  }
}

interface CheckedVoter extends VoterAddress {
  readonly replicaId: number;
  readonly incarnation: string;
}

function checkVoters(voters: readonly Voter[]): readonly CheckedVoter[] {
  requireWithin("voters", voters.length, 1, VOTERS_MAX);
  const checked = voters.map((voter) => ({
    nodeId: nodeId(voter.nodeId),
    replicaId: safeInteger("replicaId", voter.replicaId, 1),
    incarnation: requireText("incarnation", voter.incarnation),
    addresses: toAddresses(voter.addresses),
  }));
  for (const field of ["nodeId", "replicaId", "incarnation"] as const) {
    if (new Set(checked.map((voter) => voter[field])).size < checked.length) {
      throw new StreamError("invalid-argument", `voters: each needs a ${field} of its own`);
    }
  }
  return checked;
}

function requireOwnVoter(
  { nodeId: ownId, storage }: FormClusterDeps,
  voters: readonly CheckedVoter[],
): CheckedVoter {
  const own = voters.find((voter) => voter.nodeId === ownId);
  if (own === undefined) {
    throw new StreamError("invalid-argument", `voters do not name this node, ${ownId}`);
  }
  const { incarnation } = storage.identity;
  if (own.incarnation === incarnation) return own;
  throw new StreamError(
    "wrong-state",
    `voters name node ${ownId} with incarnation ${own.incarnation}, but its disk is ${incarnation}`,
  );
}

function requireFree({ storage, state }: FormClusterDeps, clusterId: string): string {
  for (const formed of [storage.identity.clusterId, state.view.cluster()?.clusterId]) {
    if (formed === undefined || formed === clusterId) continue;
    throw new StreamError(
      "wrong-state",
      `this node belongs to cluster ${formed}, it cannot form ${clusterId}`,
    );
  }
  return clusterId;
}

function toCommand(
  request: FormClusterRequest,
  clusterId: string,
  voters: readonly CheckedVoter[],
): FormClusterCommand {
  return {
    kind: "form-cluster",
    clusterId,
    account: requireAccountId(request.account),
    region: requireText("region", request.region),
    createdAtMs: safeInteger("createdAtMs", request.createdAtMs, 1),
    limits: parseLimits(request.limits === "" ? "aws" : request.limits),
    sealedTokenKey: requireSealed("sealedTokenKey", request.sealedTokenKey),
    accessKeyId: requireAccessKeyId(request.accessKeyId),
    sealedSecret: requireSealed("sealedSecret", request.sealedSecret),
    nodes: voters.map(toNode),
    voters: voters.map(({ replicaId, nodeId: voterId, incarnation }) => {
      return { replicaId, nodeId: voterId, incarnation, state: "created" };
    }),
    nextReplicaId: Math.max(...voters.map(({ replicaId }) => replicaId)) + 1,
  };
}

/** Enough to find the voter by, until it registers itself; no broker, so nothing is placed on it. */
function toNode({ nodeId: voterId, incarnation, addresses }: CheckedVoter): NodeRecord {
  return {
    nodeId: voterId,
    incarnation,
    bootEpoch: 0,
    roles: ["coordinator"],
    host: `node-${voterId}`,
    zone: "",
    addresses,
    pid: 0,
    dataDir: "",
    version: "",
    state: "active",
  };
}
