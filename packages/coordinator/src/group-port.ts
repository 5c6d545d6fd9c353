/**
 * What the coordinator needs of its Raft group and of the process's lane. The host of packages/replica
 * satisfies these as it is; they are stated here so that a test can stand in for the host alone.
 */
import type { StreamError } from "@millrace/base";

import type { CommittedEntry } from "./state/metadata-state.ts";

export interface MetadataGroup {
  readonly groupId: number;
  readonly term: number;
  readonly leaderNodeId: number | undefined;
  /** Leads, and has applied an entry of its own term: only then may it decide anything. */
  readonly isReadyLeader: boolean;
  /** `done` is called exactly once if this returns an index: applied here, or an error. */
  propose(
    data: Uint8Array,
    expectedTerm: number | undefined,
    done: (error: StreamError | undefined) => void,
  ): { readonly index: number; readonly term: number } | StreamError;
  /** An index that a linearizable read must have reached; applied here by the time of the call. */
  readIndex(done: (index: number | StreamError) => void): void;
}

export interface RoleChange {
  readonly role: string;
  readonly term: number;
  readonly leaderNodeId: number | undefined;
  readonly ready: boolean;
}

/** The state machine as the host drives it. */
export interface MetadataStateMachine {
  apply(entries: readonly CommittedEntry[]): void;
  advanced(appliedIndex: number): void;
  snapshot(): Uint8Array;
  restore(state: Uint8Array, index: number): void;
  roleChanged(change: RoleChange): void;
}

export interface MetadataGroupInit {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: "metadata";
  readonly members: readonly { readonly replicaId: number; readonly nodeId: number }[];
}

export interface MetadataLane {
  group(groupId: number): MetadataGroup | undefined;
  createGroup(init: MetadataGroupInit): Promise<unknown>;
  setPeer(nodeId: number, address: string): void;
}

/** The part of packages/storage that forming a cluster touches. */
export interface IdentityStore {
  readonly identity: { readonly incarnation: string; readonly clusterId: string | undefined };
  setClusterId(clusterId: string): Promise<void>;
}
