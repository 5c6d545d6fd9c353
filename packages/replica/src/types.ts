/**
 * What the lane asks of the world around it, and what it gives to the state machines in it.
 *
 * The ports stand here, on the user's side, so that the simulator can drive the same lane over
 * a network of its own, and a broker can be tested against a lane without a socket.
 */
import type { StreamError } from "@millrace/base";

/**
 * One link per peer and class, so that a vote never waits behind a megabyte of log and a log
 * entry never behind a snapshot.
 */
export type TrafficClass = "control" | "append" | "bulk";

/** `refused`: the machine answered that nobody listens, so the process is not there. */
export type LinkState = "up" | "down" | "refused";

/** Frames between nodes. Frames of one peer and class arrive in order or not at all. */
export interface PeerTransport {
  /**
   * Queues one frame, the parts back to back; the transport keeps the parts until they are sent.
   * False: the queue of that peer (32 MiB) is full or the peer unknown, and the frame is dropped.
   */
  send(nodeId: number, trafficClass: TrafficClass, parts: readonly Uint8Array[]): boolean;
  /** Sets the receiver; the frame's bytes belong to it from then on. */
  onFrame(
    receive: (fromNodeId: number, trafficClass: TrafficClass, frame: Uint8Array) => void,
  ): void;
  onLink(change: (nodeId: number, state: LinkState) => void): void;
  /** Dials, and keeps dialling, the peer at `address` (`host:port`); a new address replaces the old. */
  connect(nodeId: number, address: string): void;
  disconnect(nodeId: number): void;
  close(): void;
}

/** A committed entry as a state machine sees it. `data` is a view that must not be changed. */
export interface AppliedEntry {
  readonly term: number;
  readonly index: number;
  readonly data: Uint8Array;
}

export type Role = "leader" | "follower" | "candidate" | "pre-candidate";

export interface RoleChange {
  readonly role: Role;
  readonly term: number;
  /** Undefined while no leader is known. */
  readonly leaderNodeId: number | undefined;
  /**
   * A leader that has applied an entry of its own term. Before that it does not know how far its
   * predecessor committed, so it must neither answer nor propose.
   */
  readonly ready: boolean;
}

/**
 * The deterministic part of a group: the same entries in the same order make the same state on
 * every replica. All calls are synchronous; a throw quarantines the replica as `corrupt`, because
 * a machine that cannot apply a committed entry has left its siblings.
 */
export interface StateMachine {
  /** Committed entries with data, in order of index, each once per life of the machine. */
  apply(entries: readonly AppliedEntry[]): void;
  /** After every round, also when its entries were empty or membership changes. */
  advanced?(appliedIndex: number): void;
  /** The state at the last applied index. */
  snapshot(): Uint8Array;
  /** Replaces the state; index 0 with an empty state at creation. */
  restore(state: Uint8Array, index: number): void;
  /**
   * The state at `throughIndex` from which replaying the log above it gives this machine's state.
   * Needed by machines that call {@link Group.trim}. Called inside `apply` or later.
   */
  trimSnapshot?(throughIndex: number): Uint8Array;
  roleChanged?(change: RoleChange): void;
  /** The replica is gone for good: nothing is called any more, and its state must not be served. */
  dropped?(): void;
}

/** `metadata`: the lane shortens the log by itself. `shard`: the log is the data. */
export type GroupKind = "metadata" | "shard";

export interface GroupMember {
  readonly replicaId: number;
  readonly nodeId: number;
}

/** An order to create one replica of a group. Given at most once per replica id (S7, S8). */
export interface GroupInit {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: GroupKind;
  /** All members of the new group, 1..16; the same list on every node. */
  readonly members: readonly GroupMember[];
  /**
   * Replica ids of the voters at index 0. A replica that joins a group gets those that the group
   * was created with, because it is sent the log from there, and is not among them itself. @default all members
   */
  readonly voters?: readonly number[];
  /** Campaigns first, at creation, so that leaders are spread. @default false */
  readonly preferredLeader?: boolean;
}

/** Who is in a group, by replica id, as one replica has applied it. */
export interface GroupMembership {
  /** Index of the entry from which on this holds; 0 for the members at creation. */
  readonly confIndex: number;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** Two sets of voters decide together, until the leader has ended that by itself. */
  readonly isJoint: boolean;
}

/** A replica that is here and takes no part in its group any more. */
export interface DamagedReplica {
  readonly groupId: number;
  readonly replicaId: number;
  /** What was found, in words. */
  readonly reason: string;
}

/** Called exactly once: `undefined` when the entry is committed and applied here. */
export type ProposalDone = (error: StreamError | undefined) => void;

/** Called exactly once, with the index that is applied here or the reason why not. */
export type ReadDone = (index: number | StreamError) => void;

/** Where an accepted proposal stands in the log. It is not committed yet. */
export interface ProposedAt {
  readonly index: number;
  readonly term: number;
}
