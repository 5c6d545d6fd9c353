import { asStreamError, StreamError } from "@millrace/base";
import type { ErrorCode } from "@millrace/base";

/** `disk-full` when space ran out, the code of an error of ours, and `unavailable` for what else a disk reports. */
export function diskErrorCode(error: unknown): ErrorCode {
  if (error instanceof StreamError) return error.code;
  const full = error instanceof Error && "code" in error && error.code === "ENOSPC";
  return full ? "disk-full" : "unavailable";
}

/** Why a lane stopped, as one error. */
export function laneError(part: string, error: unknown): StreamError {
  const { message } = asStreamError(error);
  return new StreamError(
    diskErrorCode(error),
    `writing ${part} failed, so this lane takes no more writes: ${message}`,
    { cause: error },
  );
}
