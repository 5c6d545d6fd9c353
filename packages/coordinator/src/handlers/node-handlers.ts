/** What processes of the cluster tell the coordinator of themselves. */
import type { Clock } from "@millrace/base";
import { nodeId, requireWithin, safeInteger, StreamError } from "@millrace/base";
import type { NodeAddresses, NodeRecord, Principal } from "@millrace/model";
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  NodeAddresses as WireAddresses,
  RegisterNodeRequest,
  RegisterNodeResponse,
  ReplicaReport,
  ReportReplicasRequest,
  ReportReplicasResponse,
  SetNodeGoalRequest,
  SetNodeGoalResponse,
} from "@millrace/proto";

import type { Lifecycle } from "../lifecycle.ts";
import type { NodeLiveness } from "../liveness.ts";
import type { Proposer } from "../proposer.ts";
import { applyCommand } from "../state/apply.ts";
import type { ReportedReplica, ReportReplicasCommand } from "../state/command.ts";
import type { MetadataState } from "../state/metadata-state.ts";
import { requireCluster } from "./authorize.ts";
import { requireRoomElsewhere } from "../room-elsewhere.ts";
import { reportSeals } from "./reshard-handlers.ts";
import { knownRoles, requireOneOf, requireText } from "./checks.ts";

/** Replicas in one report: those of a full broker; more come in a second call. */
const REPORTS_MAX = 10_000;
/** Voters of a group. */
const VOTERS_MAX = 7;
/** Replicas in one log entry: applying it holds up the event loop, which is the lane's too, for some 20 ms. */
const REPORTS_PER_ENTRY_MAX = 1_000;

export interface NodeHandlersDeps {
  readonly clock: Clock;
  readonly state: MetadataState;
  readonly proposer: Proposer;
  readonly liveness: NodeLiveness;
  readonly lifecycle: Lifecycle;
}

/**
 * RegisterNode: at every start of a process.
 *
 * @throws StreamError `wrong-state` when another disk under the same node id is alive, or a later
 * start of the same one is known: two processes must not act as one node.
 */
export async function registerNode(
  { state, proposer, liveness }: NodeHandlersDeps,
  request: RegisterNodeRequest,
  principal: Principal,
): Promise<RegisterNodeResponse> {
  requireCluster(principal, "RegisterNode");
  const node = toNode(request);
  proposer.requireLeader();
  const known = state.nodes.get(node.nodeId);
  const other = known !== undefined && known.incarnation !== node.incarnation;
  if (other && liveness.stateOf(node.nodeId, known.incarnation) !== undefined) {
    throw new StreamError(
      "wrong-state",
      `node ${node.nodeId} is alive with incarnation ${known.incarnation}, but ` +
        `${node.incarnation} registers: give it a node id of its own`,
    );
  }
  const metadataIndex = await proposer.propose({ kind: "register-node", node });
  liveness.hear({ ...node, state: "starting" });
  return { metadataIndex, clusterId: state.view.cluster()?.clusterId ?? "" };
}

function toNode(request: RegisterNodeRequest): NodeRecord {
  return {
    nodeId: nodeId(request.nodeId),
    incarnation: requireText("incarnation", request.incarnation),
    bootEpoch: safeInteger("bootEpoch", request.bootEpoch),
    roles: knownRoles(request.roles),
    host: requireText("host", request.host),
    zone: requireText("zone", request.zone, 0),
    addresses: toAddresses(request.addresses),
    pid: safeInteger("pid", request.pid),
    dataDir: requireText("dataDir", request.dataDir, 0),
    version: requireText("version", request.version, 0),
    state: "active",
  };
}

/** The addresses of a node; what is empty on the wire is absent. */
export function toAddresses(addresses: WireAddresses | null): NodeAddresses {
  const { rpc, data, admin, aws } = addresses ?? { rpc: "", data: "", admin: "", aws: "" };
  return {
    rpc: requireText("addresses.rpc", rpc),
    ...(data === "" ? {} : { data: requireText("addresses.data", data) }),
    admin: requireText("addresses.admin", admin, 0),
    ...(aws === "" ? {} : { aws: requireText("addresses.aws", aws) }),
  };
}

/** Heartbeat: every second. Kept in the leader's memory only. */
export function heartbeat(
  { clock, state, proposer, liveness, lifecycle }: NodeHandlersDeps,
  request: HeartbeatRequest,
  principal: Principal,
): HeartbeatResponse {
  requireCluster(principal, "Heartbeat");
  const word = requireOneOf("state", request.state, ["ready", "starting", "draining"]);
  proposer.requireLeader();
  const known = state.nodes.get(nodeId(request.nodeId));
  const { incarnation, bootEpoch } = request;
  const registered = known?.incarnation === incarnation && known.bootEpoch === bootEpoch;
  if (registered) {
    liveness.hear({ nodeId: known.nodeId, incarnation, bootEpoch, state: word });
    const isNews = (word === "draining") !== (known.state === "draining");
    if (isNews || known.silentSinceMs !== undefined) lifecycle.kick();
  }
  return { nowMs: clock.nowMs(), registerAgain: !registered };
}

/**
 * SetNodeGoal: drains, empties or takes back a node.
 *
 * @throws StreamError `not-found`; `limit-exceeded` when the others could not hold the replicas of a
 * node that is to be emptied, each under a host label of its own.
 */
export async function setNodeGoal(
  { state, proposer }: NodeHandlersDeps,
  request: SetNodeGoalRequest,
  principal: Principal,
): Promise<SetNodeGoalResponse> {
  requireCluster(principal, "SetNodeGoal");
  const goal = requireOneOf("goal", request.goal, ["serve", "drain", "decommission"]);
  proposer.requireLeader();
  const id = nodeId(request.nodeId);
  if (goal === "decommission") requireRoomElsewhere(state, id);
  return { metadataIndex: await proposer.propose({ kind: "set-node-goal", nodeId: id, goal }) };
}

/** ReportReplicas: idempotent; a report that tells nothing new costs no log entry. */
export async function reportReplicas(
  { clock, state, proposer }: NodeHandlersDeps,
  request: ReportReplicasRequest,
  principal: Principal,
): Promise<ReportReplicasResponse> {
  requireCluster(principal, "ReportReplicas");
  requireWithin("replicas", request.replicas.length, 0, REPORTS_MAX);
  const sender = { nodeId: nodeId(request.nodeId), incarnation: request.incarnation };
  const replicas = request.replicas.map(toReport);
  proposer.requireLeader();
  // Producers wait while a seal is not known.
  await reportSeals({ clock, state, proposer }, request.replicas);
  let metadataIndex = await reportMembers({ clock, state, proposer }, request.replicas);
  for (let from = 0; from < replicas.length; from += REPORTS_PER_ENTRY_MAX) {
    const part = replicas.slice(from, from + REPORTS_PER_ENTRY_MAX);
    const command: ReportReplicasCommand = { kind: "report-replicas", ...sender, replicas: part };
    if (!tellsNothing(state, command)) metadataIndex = await proposer.propose(command);
  }
  return { metadataIndex };
}

/** Leaders of groups on their members; returns the index at which the last was applied. */
async function reportMembers(
  { clock, state, proposer }: Pick<NodeHandlersDeps, "clock" | "state" | "proposer">,
  reports: readonly ReplicaReport[],
): Promise<number> {
  let metadataIndex = state.view.index;
  for (const report of reports) {
    if (report.confIndex === 0) continue;
    const command = {
      kind: "report-members",
      groupId: safeInteger("groupId", report.groupId, 1),
      confIndex: safeInteger("confIndex", report.confIndex, 1),
      voters: requireVoters(report.voters),
      nowMs: clock.nowMs(),
    } as const;
    const { changes, outcome } = applyCommand(state, command);
    if (outcome !== undefined || changes.length > 0) {
      metadataIndex = await proposer.propose(command);
    }
  }
  return metadataIndex;
}

function requireVoters(voters: readonly number[]): readonly number[] {
  requireWithin("voters", voters.length, 1, VOTERS_MAX);
  return voters.map((voter) => safeInteger("voters", voter, 1));
}

const REPORTED_STATES = ["created", "lost", "damaged"] as const;

function toReport(report: ReplicaReport): ReportedReplica {
  return {
    groupId: safeInteger("groupId", report.groupId, 1),
    replicaId: safeInteger("replicaId", report.replicaId, 1),
    state: report.removed ? "removed" : requireOneOf("state", report.state, REPORTED_STATES),
    leading: report.leading,
  };
}

/**
 * Whether the report is in the state already. A group that is not known here may be known to a
 * leader that has applied more, so a report of one always goes through the log.
 */
function tellsNothing(state: MetadataState, command: ReportReplicasCommand): boolean {
  const known = command.replicas.every(
    ({ groupId, state: reported }) =>
      (reported === "removed"
        ? state.tombstones.get(groupId)
        : state.view.shardOfGroup(groupId)) !== undefined,
  );
  if (!known) return false;
  const { changes, auxiliary, outcome } = applyCommand(state, command);
  return outcome === undefined && changes.length === 0 && auxiliary === state.auxiliary;
}
