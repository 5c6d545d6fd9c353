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
  /** What it means to the core. */
  readonly type: EntryType;
  /** Opaque payload: a view that is neither copied nor parsed. Empty means no data. */
  readonly data: Uint8Array;
}

/** What a node must find again after a crash. All fields 0 before the first election. */
export interface HardState {
  /** The newest term that the node has entered. */
  readonly term: number;
  /** The node voted for in `term`; 0 is nobody. */
  readonly vote: number;
  /** Highest index known to be on a quorum; a lost rise of it is found again. */
  readonly commit: number;
}

/** Volatile part of a node's state, reported when it changes. */
export interface SoftState {
  /** The known leader; 0 is nobody. */
  readonly lead: number;
  /** The node's role. */
  readonly raftState: StateType;
}

/** The membership of a group as of one log index. `votersOutgoing` is empty outside joint state. */
export interface ConfState {
  /** Ids that vote; the incoming ones in a joint state. */
  readonly voters: readonly number[];
  /** Ids that receive the log and do not count. */
  readonly learners: readonly number[];
  /** Ids that also vote until the joint state ends. */
  readonly votersOutgoing: readonly number[];
  /** Outgoing voters that become learners then. */
  readonly learnersNext: readonly number[];
  /** The leader ends the joint state by itself. */
  readonly autoLeave: boolean;
}

/** The state machine as of `index`. A snapshot with index 0 is empty. */
export interface Snapshot {
  /** The last entry that the state contains. */
  readonly index: number;
  /** The term of that entry. */
  readonly term: number;
  /** The membership as of that entry. */
  readonly confState: ConfState;
  /** The host's state, opaque; never copied or parsed. */
  readonly data: Uint8Array;
}

/** Answer to a ReadIndex: once `index` is applied, the read that `context` names may be served. */
export interface ReadState {
  /** What must be applied before the read is served. */
  readonly index: number;
  /** What the read was asked with. */
  readonly context: Uint8Array;
}

/** A node's role. A pre-candidate asks whether it could win before it enters a new term. */
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

/** One of {@link MESSAGE_TYPES}. */
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** A message between nodes, or between a node and its storage. Absent numbers are 0. */
export interface Message {
  /** What it is; the other fields mean what the type needs. */
  readonly type: MessageType;
  /** The receiver's id, or one of the two storage targets. */
  readonly to: number;
  /** The sender's id. */
  readonly from: number;
  /** 0 in messages that have no term: local ones, MsgProp and MsgReadIndex. */
  readonly term: number;
  /** Term of the entry at `index`, or of the hint in a rejected MsgAppResp. */
  readonly logTerm: number;
  /**
   * MsgApp: the place before `entries`. Answers: the place that is acknowledged or refused.
   * Votes: the last index.
   */
  readonly index: number;
  /** To append, to apply, proposed, or (in reads) one with the context as data. */
  readonly entries: readonly Entry[];
  /** The sender's commit index, never above what the receiver is known to hold in a heartbeat. */
  readonly commit: number;
  /** Only in MsgStorageAppend: the vote to persist. */
  readonly vote: number;
  /** Only in MsgSnap, and in storage work that installs one. */
  readonly snapshot?: Snapshot | undefined;
  /** True if an answer is no. */
  readonly reject: boolean;
  /** Where the log of the rejecting follower may agree with the leader's. */
  readonly rejectHint: number;
  /**
   * Opaque: the position of a read in heartbeats and their answers, the kind of a campaign in
   * votes.
   */
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

/** The hard state of a node that has never heard of an election. */
export const EMPTY_HARD_STATE: HardState = Object.freeze({ term: 0, vote: 0, commit: 0 });

/** No members: what a node starts with that will be sent a snapshot. */
export const EMPTY_CONF_STATE: ConfState = Object.freeze({
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});
