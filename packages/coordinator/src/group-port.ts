/**
 * What the coordinator uses of its Raft group, of the process's lane and of its storage: the host's
 * own types, cut down, so that a test can stand in for the host alone.
 */
import type { Group, GroupInit, StateMachine } from "@millrace/replica";
import type { LaneStorage } from "@millrace/storage";

export type MetadataGroup = Pick<
  Group,
  | "groupId"
  | "term"
  | "leaderNodeId"
  | "isReadyLeader"
  | "members"
  | "membership"
  | "propose"
  | "readIndex"
>;

/** The state machine as the host drives it. */
export type MetadataStateMachine = Required<
  Pick<StateMachine, "apply" | "advanced" | "snapshot" | "restore" | "roleChanged" | "dropped">
>;

/** `Lane` of packages/replica. */
export interface MetadataLane {
  group(groupId: number): MetadataGroup | undefined;
  createGroup(init: GroupInit): Promise<MetadataGroup>;
  setPeer(nodeId: number, address: string): void;
}

/** The part of storage that forming a cluster touches. */
export type IdentityStore = Pick<LaneStorage, "identity" | "setClusterId">;
