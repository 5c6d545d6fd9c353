/** What a lane does about each way in which an append can be refused. */
import type { ErrorCode } from "@millrace/base";

/**
 * `fail`: no retry can help, the puts are told. `retry`: the same place after a wait, then others.
 * `redirect`: the leader named in the hint, or the next replica. `refresh`: not before the shard map is
 * newer. `shrink`: the prefix that the write limit still takes. `missing`: as `retry` while metadata
 * says that the shard is open, because that broker may be behind.
 */
export type FailureAction = "fail" | "retry" | "redirect" | "refresh" | "shrink" | "missing";

export const FAILURE_ACTIONS = {
  "invalid-argument": "fail",
  "not-found": "missing",
  "already-exists": "fail",
  "wrong-state": "fail",
  "limit-exceeded": "fail",
  throttled: "shrink",
  unauthenticated: "fail",
  "permission-denied": "fail",
  "not-leader": "redirect",
  "stale-epoch": "refresh",
  "duplicate-stale": "fail",
  expired: "fail",
  unavailable: "retry",
  indeterminate: "retry",
  deadline: "retry",
  cancelled: "retry",
  overloaded: "retry",
  // Not retried although it could be: space comes back in minutes, callers wait for seconds.
  "disk-full": "fail",
  corrupt: "fail",
  unsupported: "fail",
  internal: "fail",
} as const satisfies Record<ErrorCode, FailureAction>;
