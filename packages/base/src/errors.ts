/**
 * The closed table of errors, named by what the caller should do.
 *
 * Everything that can go wrong for a caller has one of these codes; each edge (AWS JSON, gRPC, command
 * line) translates from this table alone, so a code without a row there does not compile.
 */

export type ErrorCode =
  | "invalid-argument" // fix the request
  | "not-found" // name something that exists
  | "already-exists" // choose another name, or use what is there
  | "wrong-state" // wait for the other change to finish, then retry
  | "limit-exceeded" // a quota of the account: wait or ask for more
  | "throttled" // back off, then retry; nothing was stored
  | "unauthenticated" // sign the request with a key of this cluster
  | "permission-denied" // the key is known, but may not do this
  | "not-leader" // retry at the leader named in `hint`; nothing was stored
  | "stale-epoch" // refresh the shard map, then retry; nothing was stored
  | "duplicate-stale" // this producer sequence is older than the dedup window: outcome unknown
  | "expired" // take a new iterator or token
  | "unavailable" // no quorum now; retry with backoff; nothing was stored
  | "indeterminate" // the outcome is not known: a retry may store a second copy
  | "deadline" // the caller's time is up; the outcome is not known
  | "cancelled" // the caller went away
  | "overloaded" // a bounded queue is full: back off, then retry; nothing was stored
  | "disk-full" // puts are refused until space is freed; reads go on
  | "corrupt" // stop serving this shard; a person must look
  | "unsupported" // this version does not know the thing asked for
  | "internal"; // a bug in Millrace

/** Where to go instead, or what would have fitted; travels with the error over every link. */
export interface ErrorHint {
  /** Node that the refusing replica believes to lead. */
  readonly leaderNodeId?: number;
  /** That node's address for the port that was asked, `host:port`. */
  readonly leaderAddress?: string;
  readonly term?: number;
  readonly shardEpoch?: number;
  /** The shard is sealed, and what was sent is not in it and never will be, whatever became of earlier attempts. */
  readonly sealed?: boolean;
  /** Records and bytes that the shard's write limit would still take now. */
  readonly recordsFree?: number;
  readonly bytesFree?: number;
  /** Milliseconds after which a retry can work. */
  readonly retryAfterMs?: number;
}

export interface StreamErrorOptions {
  readonly cause?: unknown;
  readonly hint?: ErrorHint;
}

/** The one error class of Millrace. `message` carries the values that disagreed and, where there is one, the next step. */
export class StreamError extends Error {
  readonly code: ErrorCode;
  readonly hint: ErrorHint;

  constructor(code: ErrorCode, message: string, options: StreamErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StreamError";
    this.code = code;
    this.hint = options.hint ?? {};
  }
}

/** How a code travels over gRPC (numbers of google.rpc.Code), and what a retry loop may do with it. */
export interface ErrorTraits {
  readonly grpc: number;
  /** A retry, at once or later, can succeed. */
  readonly retryable: boolean;
  /** It is certain that nothing was stored, so a retry makes no second copy. */
  readonly definite: boolean;
}

const refused = (grpc: number): ErrorTraits => ({ grpc, retryable: false, definite: true });
const retryLater = (grpc: number): ErrorTraits => ({ grpc, retryable: true, definite: true });
const unknown = (grpc: number): ErrorTraits => ({ grpc, retryable: true, definite: false });

export const ERROR_TRAITS = {
  "invalid-argument": refused(3),
  "not-found": refused(5),
  "already-exists": refused(6),
  "wrong-state": refused(9),
  "limit-exceeded": retryLater(8),
  throttled: retryLater(8),
  unauthenticated: refused(16),
  "permission-denied": refused(7),
  "not-leader": retryLater(9),
  "stale-epoch": retryLater(9),
  "duplicate-stale": { grpc: 6, retryable: false, definite: false },
  expired: refused(9),
  unavailable: retryLater(14),
  indeterminate: unknown(14),
  deadline: unknown(4),
  cancelled: { grpc: 1, retryable: false, definite: false },
  overloaded: retryLater(8),
  "disk-full": retryLater(8),
  corrupt: { grpc: 15, retryable: false, definite: false },
  unsupported: refused(12),
  internal: { grpc: 13, retryable: false, definite: false },
} as const satisfies Record<ErrorCode, ErrorTraits>;

/** Whether `value` names a code of this version, for codes that arrive over a link. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERROR_TRAITS, value);
}

/** The error as a `StreamError`; anything else that was thrown is a bug and becomes `internal` with its cause kept. */
export function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StreamError("internal", message, { cause: error });
}
