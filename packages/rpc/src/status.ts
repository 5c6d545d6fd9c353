/**
 * Errors on the wire: a `StreamError` becomes a gRPC status plus `millrace-error-bin`, JSON of
 * {code, hint, message}, because 21 codes do not fit into gRPC's 16 and a redirect needs its hint.
 *
 * A status without that header was made by gRPC itself or by a proxy, so nothing is known about what
 * the server did: UNAVAILABLE becomes `indeterminate`, never `unavailable`, which promises that
 * nothing was stored.
 */
import type { ErrorCode, ErrorHint } from "@millrace/base";
import { ERROR_TRAITS, isErrorCode, StreamError } from "@millrace/base";

/** Metadata key of the error details. */
export const ERROR_KEY = "millrace-error-bin";
/** Longest text of an error on the wire, characters: it must fit into headers with all else. */
const MESSAGE_CHARACTERS_MAX = 2048;

export interface WireStatus {
  readonly status: number;
  readonly message: string;
  /** Value of `millrace-error-bin` before base64. */
  readonly details: Buffer;
}

export function statusOf(error: StreamError): WireStatus {
  const message = error.message.slice(0, MESSAGE_CHARACTERS_MAX);
  const details = Buffer.from(JSON.stringify({ code: error.code, hint: error.hint, message }));
  return { status: ERROR_TRAITS[error.code].grpc, message, details };
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  1: "cancelled",
  3: "invalid-argument",
  4: "deadline",
  5: "not-found",
  6: "already-exists",
  7: "permission-denied",
  8: "overloaded",
  9: "wrong-state",
  10: "indeterminate",
  11: "invalid-argument",
  12: "unsupported",
  14: "indeterminate",
  15: "corrupt",
  16: "unauthenticated",
};

/** The error of a call that ended with `status` (1..16; anything else counts as unknown). */
export function errorOfStatus(
  status: number,
  message: string,
  details: Uint8Array | undefined,
  cause?: unknown,
): StreamError {
  const told = details === undefined ? undefined : parseDetails(details);
  if (told !== undefined)
    return new StreamError(told.code, told.message, { hint: told.hint, cause });
  const code = CODE_OF_STATUS[status] ?? "internal";
  return new StreamError(code, message === "" ? `gRPC status ${status}` : message, { cause });
}

interface Details {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: ErrorHint;
}

/** `undefined` for what another program, or a later version with other codes, put there. */
function parseDetails(bytes: Uint8Array): Details | undefined {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { code, message, hint } = parsed as Record<string, unknown>;
    if (typeof code !== "string" || !isErrorCode(code) || typeof message !== "string") {
      return undefined;
    }
    return { code, message, hint: hintOf(hint) };
  } catch {
    return undefined; // not JSON: the status alone still says what to do
  }
}

const HINT_NUMBERS = [
  "leaderNodeId",
  "term",
  "shardEpoch",
  "recordsFree",
  "bytesFree",
  "retryAfterMs",
] as const;

function hintOf(value: unknown): ErrorHint {
  if (typeof value !== "object" || value === null) return {};
  const given = value as Record<string, unknown>;
  const hint: Record<string, number | string | boolean> = {};
  for (const name of HINT_NUMBERS) {
    const number = given[name];
    if (typeof number === "number" && Number.isFinite(number)) hint[name] = number;
  }
  const address = given["leaderAddress"];
  if (typeof address === "string") hint["leaderAddress"] = address;
  if (given["sealed"] === true) hint["sealed"] = true;
  return hint;
}

/** Text of `grpc-message`: printable ASCII as it is, all else and `%` as percent-encoded UTF-8. */
export function encodeGrpcMessage(message: string): string {
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8")) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Reverses `encodeGrpcMessage`; text that is not percent-encoding is kept, as gRPC asks. */
export function decodeGrpcMessage(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** gRPC's meaning of an HTTP status where an answer is not gRPC at all. */
export function errorOfHttpStatus(httpStatus: number): StreamError {
  const code: Readonly<Record<number, ErrorCode>> = {
    401: "unauthenticated",
    403: "permission-denied",
    404: "unsupported",
    429: "unavailable",
    502: "indeterminate",
    503: "indeterminate",
    504: "indeterminate",
  };
  return new StreamError(code[httpStatus] ?? "internal", `the peer answered HTTP ${httpStatus}`);
}
