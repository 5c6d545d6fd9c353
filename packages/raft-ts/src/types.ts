/**
 * The values that cross the border of the consensus core.
 *
 * They are plain data: a host can put them on a wire, on a disk or into a simulator without
 * asking this package how. Numbers are `number`; whoever decodes them from outside must refuse
 * anything above 2^53 - 1, because two indexes that round to the same double are one index here.
 *
 * Source: field names and the order of message types follow raftpb of etcd-raft v3.7.
 */

/** What an entry means to the core. Everything that is not a membership change is normal. */
export type EntryType = "EntryNormal" | "EntryConfChange" | "EntryConfChangeV2";

/** One place in the replicated log. */
export interface Entry {
  /** Term of the leader that made the entry. */
  readonly term: number;
  /** 1-based place in the log. */
  readonly index: number;
  readonly type: EntryType;
  /** Opaque payload: a view that is neither copied nor parsed. Empty means no data. */
  readonly data: Uint8Array;
}

/** What a node must find again after a crash. All fields 0 before the first election. */
export interface HardState {
  readonly term: number;
  /** The node voted for in `term`; 0 is nobody. */
  readonly vote: number;
  readonly commit: number;
}

/** Volatile part of a node's state, reported when it changes. */
export interface SoftState {
  /** The known leader; 0 is nobody. */
  readonly lead: number;
  readonly raftState: StateType;
}

/** The membership of a group as of one log index. `votersOutgoing` is empty outside joint state. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

/** The state machine as of `index`. A snapshot with index 0 is empty. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

/** Answer to a ReadIndex: once `index` is applied, the read that `context` names may be served. */
export interface ReadState {
  readonly index: number;
  readonly context: Uint8Array;
}

export type StateType = "StateFollower" | "StateCandidate" | "StateLeader" | "StatePreCandidate";

/** All message types; the place in this list is the number of the type in raftpb. */
export const MESSAGE_TYPES = [
  "MsgHup",
  "MsgBeat",
  "MsgProp",
  "MsgApp",
  "MsgAppResp",
  "MsgVote",
  "MsgVoteResp",
  "MsgSnap",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgTransferLeader",
  "MsgTimeoutNow",
  "MsgReadIndex",
  "MsgReadIndexResp",
  "MsgPreVote",
  "MsgPreVoteResp",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
  "MsgForgetLeader",
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/** A message between nodes, or between a node and its storage. Absent numbers are 0. */
export interface Message {
  readonly type: MessageType;
  readonly to: number;
  readonly from: number;
  /** 0 in messages that have no term: local ones, MsgProp and MsgReadIndex. */
  readonly term: number;
  /** Term of the entry at `index`, or of the hint in a rejected MsgAppResp. */
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** Only in MsgStorageAppend: the vote to persist. */
  readonly vote: number;
  readonly snapshot?: Snapshot | undefined;
  readonly reject: boolean;
  /** Where the log of the rejecting follower may agree with the leader's. */
  readonly rejectHint: number;
  readonly context?: Uint8Array | undefined;
  /** Only in MsgVote and MsgPreVote: the candidate's `priority`. */
  readonly priority: number;
  /** Only in answers to a leader: the least index of the snapshot that is asked for; 0 is none. */
  readonly requestSnapshot: number;
  /** Only in MsgStorageAppend and MsgStorageApply: deliver after the work is durable. */
  readonly responses: readonly Message[];
}

/** "Nobody": no leader, no vote. No node may have this id. */
export const NO_NODE = 0;

/** Target of MsgStorageAppend. No replica may have this id. */
export const LOCAL_APPEND_THREAD = Number.MAX_SAFE_INTEGER;

/** Target of MsgStorageApply. No replica may have this id. */
export const LOCAL_APPLY_THREAD = Number.MAX_SAFE_INTEGER - 1;

/** Name of a term and an index; two equal ids name equal log prefixes (log matching). */
export interface EntryId {
  readonly term: number;
  readonly index: number;
}

/**
 * Why a read of the log has no entries: below the first index, above the last, or on a disk that
 * must be read first. After the last answer the host calls `RaftNode.entriesAvailable`.
 */
export type LogGap = "compacted" | "unavailable" | "temporarily-unavailable";

/**
 * The durable log as the core sees it. Calls are synchronous and must not change anything.
 * Entries that the core has handed out for writing belong here from the moment their
 * MsgStorageAppendResp is stepped (or `advance` is called).
 */
export interface Storage {
  /** What the node finds at its start. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /**
   * Entries of [lo, hi), as many as fit in `maxBytes` (sum of {@link entrySize}) and at least one.
   * A shorter prefix is allowed.
   */
  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap;
  /** The term of an entry in [firstIndex - 1, lastIndex]; always at hand. */
  term(index: number): number | "compacted" | "unavailable";
  /** Index of the oldest entry that `entries` can return. */
  firstIndex(): number;
  /** Index of the newest entry, or of the snapshot when no entry follows it. */
  lastIndex(): number;
  /**
   * The newest snapshot of the applied state. A follower may have asked for one of index `least`
   * or higher (0: any will do); an older one is not sent to it, so this is the time to make one.
   */
  snapshot(least: number): Snapshot | "temporarily-unavailable";
}

export const EMPTY_DATA: Uint8Array = new Uint8Array(0);
export const NO_ENTRIES: readonly Entry[] = Object.freeze([]);
export const NO_MESSAGES: readonly Message[] = Object.freeze([]);

export const EMPTY_HARD_STATE: HardState = Object.freeze({ term: 0, vote: 0, commit: 0 });

export const EMPTY_CONF_STATE: ConfState = Object.freeze({
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});
