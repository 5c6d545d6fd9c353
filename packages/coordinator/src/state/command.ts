/**
 * Commands of the metadata group: what a Raft entry of the group says.
 *
 * Whatever must be equal on all replicas is decided before the command is proposed: times, ids and
 * random values stand inside it, so that applying it needs nothing but the state. A body is JSON
 * with a format version inside a `commandEntry` of packages/model; the number of the command is in
 * the entry's header. A member that does not know a number or a version must stop: skipping it would
 * make its state differ from that of its peers.
 */
import { StreamError } from "@millrace/base";
import type {
  LimitsPolicy,
  NodeGoal,
  NodeRecord,
  PlacementPolicy,
  ReplicaPlacement,
  StreamRecord,
} from "@millrace/model";
import { commandEntry, entryBody, readEntryHeader } from "@millrace/model";

/** The cluster's first entry: its identity, voters and first access key. */
export interface FormClusterCommand {
  readonly kind: "form-cluster";
  readonly clusterId: string;
  readonly account: string;
  readonly region: string;
  readonly createdAtMs: number;
  readonly limits: LimitsPolicy;
  /** Base64. */
  readonly sealedTokenKey: string;
  readonly accessKeyId: string;
  /** Base64. */
  readonly sealedSecret: string;
  /** The voters as far as they are known before they register themselves. */
  readonly nodes: readonly NodeRecord[];
  /** Above every replica id given out so far. */
  readonly nextReplicaId: number;
  /** The replicas of the metadata group; absent in logs of clusters whose voters never change. */
  readonly voters?: readonly ReplicaPlacement[];
}

export interface RegisterNodeCommand {
  readonly kind: "register-node";
  readonly node: NodeRecord;
}

export interface SetNodeStateCommand {
  readonly kind: "set-node-state";
  readonly nodeId: number;
  readonly incarnation: string;
  readonly state: NodeRecord["state"];
}

export interface CreateStreamCommand extends PlacementOfCommand {
  readonly kind: "create-stream";
  readonly account: string;
  readonly streamName: string;
  readonly streamId: string;
  readonly streamMode: StreamRecord["streamMode"];
  readonly retentionHours: number;
  readonly maxRecordSizeKib: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

/** Where a command puts the replicas of the groups that it makes. */
export interface PlacementOfCommand {
  /** Brokers that `placements` counts from 0. */
  readonly brokers: readonly { readonly nodeId: number; readonly incarnation: string }[];
  /** One list per shard, of positions in `brokers`; the first is preferred as leader. */
  readonly placements: readonly (readonly number[])[];
}

/** Names one life of a stream, so that a late command cannot hit a later stream of the same name. */
export interface StreamTarget {
  readonly account: string;
  readonly streamName: string;
  readonly streamId: string;
}

/** CREATING to ACTIVE, and all shards open. */
export interface ActivateStreamCommand extends StreamTarget {
  readonly kind: "activate-stream";
}

/** To DELETING: shards stop serving. An empty `streamId` takes any life of the name. */
export interface DeleteStreamCommand extends StreamTarget {
  readonly kind: "delete-stream";
  readonly nowMs: number;
}

/** Removes a DELETING stream and its shards, and leaves tombstones for their groups (S13). */
export interface RemoveStreamCommand extends StreamTarget {
  readonly kind: "remove-stream";
  readonly nowMs: number;
}

export interface UpdateRetentionCommand {
  readonly kind: "update-retention";
  readonly account: string;
  readonly streamName: string;
  readonly retentionHours: number;
  readonly direction: "increase" | "decrease";
}

export interface UpdateTagsCommand {
  readonly kind: "update-tags";
  readonly account: string;
  readonly streamName: string;
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface ReportedReplica {
  readonly groupId: number;
  readonly replicaId: number;
  readonly state: "created" | "lost" | "damaged" | "removed";
  readonly leading: boolean;
}

export interface ReportReplicasCommand {
  readonly kind: "report-replicas";
  readonly nodeId: number;
  readonly incarnation: string;
  readonly replicas: readonly ReportedReplica[];
}

export interface CreateAccessKeyCommand {
  readonly kind: "create-access-key";
  readonly accessKeyId: string;
  readonly account: string;
  /** Base64. */
  readonly sealedSecret: string;
  readonly nowMs: number;
}

export interface UpdateLimitsCommand {
  readonly kind: "update-limits";
  readonly limits: LimitsPolicy;
}

export interface AdvanceTrimClockCommand {
  readonly kind: "advance-trim-clock";
  readonly nowMs: number;
}

export interface DropTombstonesCommand {
  readonly kind: "drop-tombstones";
  readonly groupIds: readonly number[];
}

/** One step of a group's members. The replica id of `add` is given out when the command is applied. */
export interface StartMoveCommand {
  readonly kind: "start-move";
  readonly groupId: number;
  readonly add?: { readonly nodeId: number; readonly incarnation: string };
  readonly removeReplicaId?: number;
  readonly reason?: "rebalance";
}

export interface CancelMoveCommand {
  readonly kind: "cancel-move";
  readonly groupId: number;
}

/** What a group's leader said of its members at rest. */
export interface ReportMembersCommand {
  readonly kind: "report-members";
  readonly groupId: number;
  readonly confIndex: number;
  readonly voters: readonly number[];
  readonly nowMs: number;
}

export interface DropRetiredCommand {
  readonly kind: "drop-retired";
  readonly replicas: readonly { readonly groupId: number; readonly replicaId: number }[];
}

export interface SetNodeGoalCommand {
  readonly kind: "set-node-goal";
  readonly nodeId: number;
  readonly goal: NodeGoal;
}

/** Since when nobody has heard of a process; without `silentSinceMs` it was heard again. */
export interface SetNodeSilenceCommand {
  readonly kind: "set-node-silence";
  readonly nodeId: number;
  readonly incarnation: string;
  readonly silentSinceMs?: number;
}

/** Sets what `policy` names, and leaves the rest. */
export interface UpdatePlacementPolicyCommand {
  readonly kind: "update-placement-policy";
  readonly policy: Partial<PlacementPolicy>;
}

/** Replicas and leaders are to be evened out, or not any more. */
export interface SetRebalancingCommand {
  readonly kind: "set-rebalancing";
  readonly on: boolean;
  readonly nowMs: number;
}

/** Where the metadata group is, for a cluster that was formed before that was recorded. */
export interface RecordMetadataGroupCommand {
  readonly kind: "record-metadata-group";
  readonly replicas: readonly ReplicaPlacement[];
}

/** Which replica of a group is to lead it. */
export interface PreferLeadersCommand {
  readonly kind: "prefer-leaders";
  readonly leaders: readonly { readonly groupId: number; readonly replicaId: number }[];
}

/** One shard gives way to two, or two neighbours to one. */
export interface StartReshardCommand extends StreamTarget, PlacementOfCommand {
  readonly kind: "start-reshard";
  /** One to split, or two to merge, the lower range first. */
  readonly parentShardIndexes: readonly number[];
  /** Of a split: first hash key of the upper child, decimal. @default the middle */
  readonly startingHashKey?: string;
  readonly nowMs: number;
}

/** The children are ready: the parents' leaders are to seal. */
export interface SealParentsCommand extends StreamTarget {
  readonly kind: "seal-parents";
}

/** A replica of a parent has applied its seal. The last one of a reshard opens the children. */
export interface ReportSealCommand {
  readonly kind: "report-seal";
  readonly groupId: number;
  /** The one in the seal. */
  readonly epoch: number;
  readonly endOffset: number;
  readonly lastArrivalMs: number;
  readonly nowMs: number;
}

export interface CancelReshardCommand extends StreamTarget {
  readonly kind: "cancel-reshard";
  readonly nowMs: number;
}

/** Closed shards that have expired by `nowMs`. */
export interface RemoveShardsCommand extends StreamTarget {
  readonly kind: "remove-shards";
  readonly shardIndexes: readonly number[];
  readonly nowMs: number;
}

export type Command =
  | SetNodeSilenceCommand
  | UpdatePlacementPolicyCommand
  | SetRebalancingCommand
  | RecordMetadataGroupCommand
  | PreferLeadersCommand
  | StartReshardCommand
  | SealParentsCommand
  | ReportSealCommand
  | CancelReshardCommand
  | RemoveShardsCommand
  | StartMoveCommand
  | CancelMoveCommand
  | ReportMembersCommand
  | DropRetiredCommand
  | SetNodeGoalCommand
  | FormClusterCommand
  | RegisterNodeCommand
  | SetNodeStateCommand
  | CreateStreamCommand
  | ActivateStreamCommand
  | DeleteStreamCommand
  | RemoveStreamCommand
  | UpdateRetentionCommand
  | UpdateTagsCommand
  | ReportReplicasCommand
  | CreateAccessKeyCommand
  | UpdateLimitsCommand
  | AdvanceTrimClockCommand
  | DropTombstonesCommand;

export type CommandKind = Command["kind"];
export type CommandOf<K extends CommandKind> = Extract<Command, { readonly kind: K }>;

/** Numbers in the entry header. They are on disk: a number is never given to another command. */
const NUMBERS: Record<CommandKind, number> = {
  "form-cluster": 1,
  "register-node": 2,
  "set-node-state": 3,
  "create-stream": 4,
  "activate-stream": 5,
  "delete-stream": 6,
  "remove-stream": 7,
  "update-retention": 8,
  "update-tags": 9,
  "report-replicas": 10,
  "create-access-key": 11,
  "update-limits": 12,
  "advance-trim-clock": 13,
  "drop-tombstones": 14,
  "start-move": 15,
  "cancel-move": 16,
  "report-members": 17,
  "drop-retired": 18,
  "set-node-goal": 19,
  "set-node-silence": 25,
  "update-placement-policy": 26,
  "set-rebalancing": 27,
  "record-metadata-group": 28,
  "prefer-leaders": 29,
  "start-reshard": 20,
  "seal-parents": 21,
  "report-seal": 22,
  "cancel-reshard": 23,
  "remove-shards": 24,
};
const KINDS = new Map(
  Object.entries(NUMBERS).map(([kind, number]) => [number, kind as CommandKind]),
);
const FORMAT_VERSION = 1;

/** The entry data of `command`. @param nowMs The proposer's clock, kept in the header for people who read the log. */
export function encodeCommand(command: Command, nowMs: number): Uint8Array {
  const { kind, ...body } = command;
  const json = JSON.stringify({ v: FORMAT_VERSION, ...body });
  return commandEntry(NUMBERS[kind], Buffer.from(json), { baseOffset: 0, arrivalMs: nowMs });
}

/** @throws StreamError `unsupported` for a command of a later version, `corrupt` for bytes that are none. */
export function decodeCommand(data: Uint8Array): Command {
  const header = readEntryHeader(data);
  const kind = header.kind === "command" ? KINDS.get(header.command) : undefined;
  if (kind === undefined) {
    throw new StreamError(
      "unsupported",
      `metadata command ${header.command} is not known to this version: upgrade this node`,
    );
  }
  const { v, ...body } = parse(kind, entryBody(data));
  if (v !== FORMAT_VERSION) {
    throw new StreamError(
      "unsupported",
      `metadata command ${kind}: format version ${String(v)}, known is ${FORMAT_VERSION}`,
    );
  }
  return { kind, ...body } as unknown as Command; // written by encodeCommand alone, and checksummed since
}

function parse(kind: CommandKind, body: Uint8Array): { readonly v?: unknown } {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch (error) {
    throw new StreamError("corrupt", `metadata command ${kind} is not JSON`, { cause: error });
  }
  throw new StreamError("corrupt", `metadata command ${kind} is not an object`);
}
