import { asStreamError, StreamError } from "@millrace/base";

/**
 * Why a lane stopped, as one error: `disk-full` when space ran out, the code of an error of ours, and
 * `unavailable` for anything else that the disk reported.
 */
export function laneError(part: string, error: unknown): StreamError {
  const full = error instanceof Error && "code" in error && error.code === "ENOSPC";
  const code = error instanceof StreamError ? error.code : full ? "disk-full" : "unavailable";
  const { message } = asStreamError(error);
  return new StreamError(
    code,
    `writing ${part} failed, so this lane takes no more writes: ${message}`,
    { cause: error },
  );
}
