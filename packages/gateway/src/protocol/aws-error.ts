/**
 * Errors as AWS programs know them, and the one place that turns an error of Millrace into one.
 *
 * SDKs decide by type and status whether they retry: a 400 other than throttling is final, any 5xx
 * is tried again. So nothing that may pass by itself may leave here as another 400, and above all
 * not as ResourceNotFoundException, which consumers take for "the stream was deleted".
 */
import type { ErrorCode } from "@millrace/base";
import { asStreamError } from "@millrace/base";

export class AwsError extends Error {
  /** Exception name, the `__type` on the wire. */
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AwsError";
    this.type = type;
    this.status = status;
  }

  /** AWS writes the text of this one exception under `Message`. */
  get body(): Readonly<Record<string, string>> {
    if (this.message === "") return { __type: this.type };
    const member = this.type === "SerializationException" ? "Message" : "message";
    return { __type: this.type, [member]: this.message };
  }
}

export const invalidArgument = (message: string) =>
  new AwsError("InvalidArgumentException", message);
export const notFound = (message: string) => new AwsError("ResourceNotFoundException", message);
export const inUse = (message: string) => new AwsError("ResourceInUseException", message);
export const limitExceeded = (message: string) => new AwsError("LimitExceededException", message);
export const validation = (message: string) => new AwsError("ValidationException", message);
export const serialization = (message = "") => new AwsError("SerializationException", message);
export const throughputExceeded = (message: string) =>
  new AwsError("ProvisionedThroughputExceededException", message);
export const accessDenied = (message: string) => new AwsError("AccessDeniedException", message);

/** For the moment only: every SDK retries it. */
export const unavailable = (message: string, cause?: unknown) =>
  new AwsError("ServiceUnavailable", message, 503, { cause });

/** The outcome is not known, or a bug: every SDK retries it too. */
export const internalFailure = (message = "Internal service failure.", cause?: unknown) =>
  new AwsError("InternalFailure", message, 500, { cause });

type Translate = (message: string, cause: unknown) => AwsError;
const later: Translate = unavailable;
const unknown: Translate = (_, cause) => internalFailure(undefined, cause);

const FROM_CODE: Record<ErrorCode, Translate> = {
  "invalid-argument": (message) => invalidArgument(message),
  "not-found": later, // of a shard or node; that a stream is gone, only metadata says, and operations ask it
  "already-exists": (message) => inUse(message),
  "wrong-state": (message) => inUse(message),
  "limit-exceeded": (message) => limitExceeded(message),
  throttled: (message) => throughputExceeded(message),
  unauthenticated: (_, cause) => internalFailure(undefined, cause), // of the gateway itself, not of the caller
  "permission-denied": (_, cause) => internalFailure(undefined, cause),
  "not-leader": later,
  "stale-epoch": later,
  "duplicate-stale": unknown,
  expired: (message) => new AwsError("ExpiredIteratorException", message),
  unavailable: later,
  indeterminate: unknown,
  deadline: unknown,
  cancelled: unknown,
  overloaded: later,
  "disk-full": later,
  corrupt: unknown,
  unsupported: (message) => new AwsError("UnsupportedOperationException", message),
  internal: unknown,
};

/** What the caller is told about `error`; an AwsError passes as it is. */
export function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const known = asStreamError(error);
  return FROM_CODE[known.code](known.message, error);
}
