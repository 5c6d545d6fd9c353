/**
 * `grpc-timeout`: up to eight digits and a unit. Source: gRPC over HTTP/2, "Requests".
 */
import { StreamError } from "@millrace/base";

const UNIT_MS = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 } as const;
const DIGITS_MAX = 99_999_999;

/** Milliseconds, rounded up, so that a deadline never ends early. @throws StreamError `invalid-argument`. */
export function parseGrpcTimeout(value: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) {
    throw new StreamError(
      "invalid-argument",
      `grpc-timeout is ${value}, but must be 1 to 8 digits and one of H M S m u n`,
    );
  }
  return Math.ceil(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
}

/** The header for `timeoutMs` (more than 0), in milliseconds where they fit, else in seconds. */
export function formatGrpcTimeout(timeoutMs: number): string {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  return ms <= DIGITS_MAX ? `${ms}m` : `${Math.min(DIGITS_MAX, Math.ceil(ms / 1000))}S`;
}
