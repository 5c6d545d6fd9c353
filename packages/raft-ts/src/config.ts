/**
 * What a node is told at its start, checked once.
 *
 * Defaults are the ones a production host wants. Limits of 0 mean what the reference means by
 * them, which differs from field to field; every field says it.
 *
 * Source: etcd-raft v3.7 `Config`.
 */
import { RaftError } from "./errors.ts";
import type { RaftLogger } from "./logger.ts";
import { isLocalTarget } from "./message.ts";
import type { ReadOnlyOption } from "./read-only.ts";
import type { RaftTraceEvent } from "./trace.ts";
import type { Storage } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Settings of one node of one group. */
export interface RaftConfig {
  /** Id of this node in its group: 1..2^53 - 3. 0 and the two storage targets are refused. */
  readonly id: number;
  /**
   * Ticks without a word from the leader before a follower campaigns; each election adds
   * 0..electionTicks - 1 at random. Must exceed `heartbeatTicks`. @default 10
   */
  readonly electionTicks?: number;
  /** Ticks between two heartbeats of a leader; at least 1. @default 1 */
  readonly heartbeatTicks?: number;
  /** The durable log; the node reads it at its start and whenever older entries are wanted. */
  readonly storage: Storage;
  /** Index up to which the host's state machine has applied the log before this start. @default 0 */
  readonly applied?: number;
  /**
   * Storage work is handed out as messages to the two local targets, and several lots may be on
   * the way at once; `advance` is not called. @default true
   */
  readonly asyncStorageWrites?: boolean;
  /** Bytes of entries in one MsgApp, at least one entry always; 0 is one entry. @default 1 MiB */
  readonly maxSizePerMsg?: number;
  /** Bytes of committed entries out for applying at once; 0 is `maxSizePerMsg`. @default 0 */
  readonly maxCommittedSizePerReady?: number;
  /** Payload bytes of the uncommitted log above which proposals are dropped; 0 is no limit. @default 0 */
  readonly maxUncommittedEntriesSize?: number;
  /** Appends on the way to one follower, at least 1. @default 256 */
  readonly maxInflightMsgs?: number;
  /** Payload bytes on the way to one follower; 0 is no limit, else >= maxSizePerMsg. @default 0 */
  readonly maxInflightBytes?: number;
  /** A leader without a quorum steps down; a follower with a leader grants no vote. @default true */
  readonly checkQuorum?: boolean;
  /** Ask before raising the term, so that a returning node disturbs nobody. @default true */
  readonly preVote?: boolean;
  /**
   * How reads are confirmed. "lease-based" needs `checkQuorum` and clocks that do not jump or
   * pause: a paused leader can answer with old data. @default "safe"
   */
  readonly readOnlyOption?: ReadOnlyOption;
  /** Followers refuse proposals instead of sending them to the leader. @default false */
  readonly disableProposalForwarding?: boolean;
  /** Membership changes are not checked when proposed; the host promises to. @default false */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that is removed or made a learner steps down at once. @default false */
  readonly stepDownOnRemoval?: boolean;
  /**
   * Who should lead: a voter refuses a candidate of lower priority whose log is not newer than its
   * own. 0..2^53 - 1; a preference and no promise. @default 0
   */
  readonly priority?: number;
  /** A number in 0..bound - 1; the only randomness there is. */
  readonly random: (bound: number) => number;
  /** Takes log lines. @default none, and no text is made */
  readonly logger?: RaftLogger | undefined;
  /** Is told every step, as it happens; must not call the node. See `traceLine`. */
  readonly trace?: ((event: RaftTraceEvent) => void) | undefined;
}

/** A configuration with every field decided. */
export type ResolvedConfig = Required<Omit<RaftConfig, "logger" | "trace">> &
  Pick<RaftConfig, "logger" | "trace">;

const MIB = 1024 * 1024;
const READ_ONLY_OPTIONS: readonly string[] = [
  "safe",
  "lease-based",
] satisfies readonly ReadOnlyOption[];

/** Fills in the defaults. @throws RaftError `invalid-config`, naming the field and its bound. */
export function resolveConfig(config: RaftConfig): ResolvedConfig {
  const maxSizePerMsg = config.maxSizePerMsg ?? MIB;
  const resolved: ResolvedConfig = {
    electionTicks: 10,
    heartbeatTicks: 1,
    applied: 0,
    asyncStorageWrites: true,
    checkQuorum: true,
    preVote: true,
    readOnlyOption: "safe",
    disableProposalForwarding: false,
    disableConfChangeValidation: false,
    stepDownOnRemoval: false,
    maxInflightMsgs: 256,
    priority: 0,
    ...withoutUndefined(config),
    maxSizePerMsg,
    // At least a byte: an entry that is larger than the limit goes out alone, but none at a
    // limit of nothing.
    maxCommittedSizePerReady: Math.max(
      1,
      orDefault(config.maxCommittedSizePerReady, maxSizePerMsg),
    ),
    maxUncommittedEntriesSize: orDefault(config.maxUncommittedEntriesSize, Infinity),
    maxInflightBytes: orDefault(config.maxInflightBytes, Infinity),
  };
  check(resolved);
  return resolved;
}

/** A field that is there and undefined means its default; else `preVote` would be off by it. */
function withoutUndefined(config: RaftConfig): RaftConfig {
  const given = { ...config };
  for (const field of Object.keys(given) as (keyof RaftConfig)[]) {
    if (given[field] === undefined) Reflect.deleteProperty(given, field);
  }
  return given;
}

function orDefault(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

function check(config: ResolvedConfig): void {
  const { id, electionTicks, heartbeatTicks } = config;
  if (id === NO_NODE) refuse("cannot use none as id");
  if (isLocalTarget(id)) refuse("cannot use local target as id");
  requireInteger("id", id, 1);
  requireInteger("heartbeatTicks", heartbeatTicks, 1);
  requireInteger("electionTicks", electionTicks, heartbeatTicks + 1);
  requireInteger("applied", config.applied, 0);
  requireInteger("priority", config.priority, 0);
  requireLimit("maxSizePerMsg", config.maxSizePerMsg, 0);
  requireLimit("maxCommittedSizePerReady", config.maxCommittedSizePerReady, 1);
  requireLimit("maxUncommittedEntriesSize", config.maxUncommittedEntriesSize, 1);
  requireLimit("maxInflightMsgs", config.maxInflightMsgs, 1);
  // The window is a ring of so many places.
  if (config.maxInflightMsgs !== Infinity) {
    requireInteger("maxInflightMsgs", config.maxInflightMsgs, 1);
  }
  requireLimit("maxInflightBytes", config.maxInflightBytes, config.maxSizePerMsg);
  if (!READ_ONLY_OPTIONS.includes(config.readOnlyOption)) {
    const options = READ_ONLY_OPTIONS.join(" or ");
    refuse(`readOnlyOption must be ${options}, got ${config.readOnlyOption}`);
  }
  if (config.readOnlyOption === "lease-based" && !config.checkQuorum) {
    refuse("readOnlyOption lease-based needs checkQuorum true, got false");
  }
}

/** @throws RaftError `invalid-config`, naming the field and its bound. */
export function requireInteger(field: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  refuse(`${field} must be a whole number of at least ${least}, got ${value}`);
}

function requireLimit(field: string, value: number, least: number): void {
  if (value >= least) return;
  refuse(`${field} must be at least ${least}, got ${value}`);
}

function refuse(message: string): never {
  throw new RaftError("invalid-config", message);
}
