/**
 * What the broker needs of the Raft host, the log and a stream of messages, named by their user.
 *
 * The classes of @millrace/replica, @millrace/storage and @millrace/rpc satisfy these as they are;
 * naming the parts here keeps each module's reach visible and lets a test stand in for the world
 * below without a lane.
 */
import type { StreamError } from "@millrace/base";

/** A committed entry as the lane applies it. */
export interface AppliedEntry {
  readonly term: number;
  readonly index: number;
  readonly data: Uint8Array;
}

/** An entry as it stands in the log, between a leader's empty ones and changes of membership. */
export interface LogEntry extends AppliedEntry {
  /** Only `EntryNormal` with data is the shard's; the rest is Raft's. */
  readonly type: string;
}

/** Entries from memory, or why not. @see EntriesAnswer of @millrace/storage */
export type EntriesAnswer =
  | readonly LogEntry[]
  | "compacted"
  | "unavailable"
  | "temporarily-unavailable";
/** An index; `undefined`: there is none; `temporarily-unavailable`: ask again with the async call. */
export type LocateAnswer = number | undefined | "temporarily-unavailable";

/** The shard's log, which is its data: committed entries in memory and on disk. */
export interface ShardLog {
  firstIndex(): number;
  /** Entries `lo..hi - 1` from memory, at least one however large, else why not. */
  entries(lo: number, hi: number, maxBytes: number): EntriesAnswer;
  /** The same from disk. */
  fetchEntries(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]>;
  /** Index of the entry that holds the record. */
  locateOffset(offset: number): LocateAnswer;
  locateOffsetAsync(offset: number): Promise<number | undefined>;
  /** Index of the first entry that arrived at `arrivalMs` or later. */
  locateTime(arrivalMs: number): LocateAnswer;
  locateTimeAsync(arrivalMs: number): Promise<number | undefined>;
}

export interface RoleChange {
  readonly role: GroupRole;
  readonly term: number;
  readonly leaderNodeId: number | undefined;
  readonly ready: boolean;
}
export type GroupRole = "leader" | "follower" | "candidate" | "pre-candidate";

/** One Raft group, as far as its state machine's package drives it. @see Group of @millrace/replica */
export interface ShardGroup {
  readonly groupId: number;
  readonly replicaId: number;
  readonly log: ShardLog;
  readonly role: GroupRole;
  readonly term: number;
  readonly leaderNodeId: number | undefined;
  /** Leads, and has applied an entry of its own term: everything committed before is applied here. */
  readonly isReadyLeader: boolean;
  propose(
    data: Uint8Array,
    expectedTerm: number | undefined,
    done: (error: StreamError | undefined) => void,
  ): { readonly index: number; readonly term: number } | StreamError;
  readIndex(done: (index: number | StreamError) => void): void;
  trim(throughIndex: number): void;
}

/** What Status tells of any group of the process. */
export interface GroupFacts {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: string;
  readonly role: string;
  readonly term: number;
  readonly leaderNodeId: number | undefined;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly asleep: boolean;
  readonly log: { firstIndex(): number };
}

export interface GroupInit {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: "metadata" | "shard";
  readonly members: readonly { readonly replicaId: number; readonly nodeId: number }[];
  readonly preferredLeader?: boolean;
}

/** The multi-Raft host. @see Lane of @millrace/replica */
export interface BrokerLane {
  createGroup(init: GroupInit): Promise<unknown>;
  dropGroup(groupId: number): Promise<void>;
  group(groupId: number): { readonly groupId: number } | undefined;
  groups(): Iterable<GroupFacts>;
}

/** One gRPC stream of the hot codec. @see HotStream of @millrace/rpc */
export interface MessageStream {
  /** False when the peer reads too slowly: wait for `onDrain`. Throws `overloaded` at the hard bound. */
  send(parts: readonly Uint8Array[]): boolean;
  onMessage(receive: (message: Buffer) => void): void;
  onDrain(drained: () => void): void;
  /** Called exactly once. */
  onEnd(ended: (error: StreamError | undefined) => void): void;
  /** The peer sends no more requests; answers still go out until `end`. */
  onHalfClose(closed: () => void): void;
  pause(): void;
  resume(): void;
  end(error?: StreamError): void;
  cancel(reason: StreamError): void;
}

/** A broker's word on replicas that metadata places on it. @see ReplicaReport of coordinator.proto */
export interface ReplicaReport {
  readonly groupId: number;
  readonly replicaId: number;
  readonly state: "created" | "lost";
  readonly leading: boolean;
  readonly removed: boolean;
}
