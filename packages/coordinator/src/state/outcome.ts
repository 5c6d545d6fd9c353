import type { ErrorCode } from "@millrace/base";
import { StreamError } from "@millrace/base";

/**
 * How a command that no longer fits is refused. A plain value and not an exception: every replica
 * computes it, and only the proposer of the command has anybody to tell.
 */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What applying a command came to; `undefined` is success, also where nothing had to change. */
export type Outcome = Refusal | undefined;

export function refuse(code: ErrorCode, message: string): Refusal {
  return { code, message };
}

export function toError(refusal: Refusal): StreamError {
  return new StreamError(refusal.code, refusal.message);
}
