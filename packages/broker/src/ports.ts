/**
 * What the broker needs of the Raft host, the log and a stream of messages.
 *
 * Parts of the classes below, so that each module's reach is visible and a test can stand in for the
 * world without a lane or a socket.
 */
import type { Group, GroupInit, Lane } from "@millrace/replica";
import type { HotStream } from "@millrace/rpc";
import type { GroupLog } from "@millrace/storage";

export type { AppliedEntry, GroupInit, Role, RoleChange } from "@millrace/replica";
export type { EntriesAnswer, LocateAnswer, LogEntry } from "@millrace/storage";

/** The shard's log, which is its data: committed entries in memory and on disk. */
export type ShardLog = Pick<
  GroupLog,
  | "firstIndex"
  | "entries"
  | "fetchEntries"
  | "locateOffset"
  | "locateOffsetAsync"
  | "locateTime"
  | "locateTimeAsync"
>;

/** One Raft group, as far as its state machine's package drives it. */
export interface ShardGroup extends Pick<
  Group,
  | "groupId"
  | "replicaId"
  | "role"
  | "term"
  | "leaderNodeId"
  | "isReadyLeader"
  | "propose"
  | "readIndex"
  | "trim"
> {
  readonly log: ShardLog;
}

/** What Status tells of any group of the process. */
export interface GroupFacts extends Pick<
  Group,
  | "groupId"
  | "replicaId"
  | "kind"
  | "members"
  | "role"
  | "term"
  | "leaderNodeId"
  | "commitIndex"
  | "appliedIndex"
  | "lastIndex"
  | "asleep"
> {
  readonly log: Pick<GroupLog, "firstIndex">;
}

/** What is asked of a group so that it follows the metadata, whoever's state machine it drives. */
export type LaneGroup = Pick<
  Group,
  | "groupId"
  | "replicaId"
  | "term"
  | "isReadyLeader"
  | "membership"
  | "entriesBehind"
  | "moveMembers"
  | "transferLeadership"
>;

/** The multi-Raft host. */
export interface BrokerLane extends Pick<
  Lane,
  "damaged" | "dropGroup" | "isNodeLive" | "onDamaged"
> {
  createGroup(init: GroupInit): Promise<unknown>;
  group(groupId: number): LaneGroup | undefined;
  groups(): Iterable<GroupFacts>;
}

/** One gRPC stream of the hot codec, at the server. */
export type MessageStream = Pick<
  HotStream,
  "send" | "onMessage" | "onDrain" | "onHalfClose" | "onEnd" | "pause" | "resume" | "end" | "cancel"
>;

/** A broker's word on replicas that metadata places on it. @see ReplicaReport of coordinator.proto */
export interface ReplicaReport {
  readonly groupId: number;
  readonly replicaId: number;
  readonly state: "created" | "lost" | "damaged";
  readonly leading: boolean;
  readonly removed: boolean;
  /** Index and voters of the group's members at rest, told by its leader; absent or 0: nothing is said of them. */
  readonly confIndex?: number;
  readonly voters?: readonly number[];
  /** Epoch of the shard's seal, once applied here, and where the shard ends; absent or 0: nothing is said of them. */
  readonly sealedEpoch?: number;
  readonly endOffset?: number;
  readonly lastArrivalMs?: number;
}
