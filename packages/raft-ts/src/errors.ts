/**
 * The two ways in which the core says no.
 *
 * A `RaftError` is an answer: the caller asked for something that cannot be done now. A
 * `RaftPanic` is a broken contract (a log shorter than what was promised, a snapshot that cannot
 * be): going on would risk committed data, so the host must stop the replica, not the process.
 *
 * Source: texts follow etcd-raft v3.7, so that logs and runbooks of both can be compared.
 */

/** Every answer the core can refuse with. */
export type RaftErrorCode =
  | "proposal-dropped" // no leader, a transfer, or the uncommitted log is full: retry later
  | "snapshot-request-dropped" // no leader to ask, or a snapshot is on its way: retry later
  | "step-local-message" // a message that only a node may send to itself came from outside
  | "step-peer-not-found" // a response from a node that is not in the configuration
  | "invalid-message" // a message that no node sends; its sender or the wire is broken
  | "invalid-config" // the RaftConfig contradicts itself
  | "invalid-conf-change" // the membership change cannot be made from this configuration
  | "compacted" // the log no longer reaches back that far
  | "snapshot-out-of-date"; // the storage holds a newer snapshot

/** Text of the codes that carry no values. */
const TEXT: ReadonlyMap<RaftErrorCode, string> = new Map<RaftErrorCode, string>([
  ["proposal-dropped", "raft proposal dropped"],
  ["snapshot-request-dropped", "raft: request snapshot dropped"],
  ["step-local-message", "raft: cannot step raft local message"],
  ["step-peer-not-found", "raft: cannot step as peer not found"],
  ["compacted", "requested index is unavailable due to compaction"],
  ["snapshot-out-of-date", "requested index is older than the existing snapshot"],
]);

/** A refusal that the caller can act on. */
export class RaftError extends Error {
  /** `RaftError`. */
  override readonly name = "RaftError";
  /** What was refused, and so what the caller should do. */
  readonly code: RaftErrorCode;

  constructor(code: RaftErrorCode, message?: string) {
    super(message ?? TEXT.get(code) ?? code);
    this.code = code;
  }
}

/** A contract is broken; the replica must not go on. */
export class RaftPanic extends Error {
  /** `RaftPanic`. */
  override readonly name = "RaftPanic";
}
