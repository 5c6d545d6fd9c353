/** What the failure of a shard means for the caller. */
import type { StreamError } from "@millrace/base";
import { asStreamError, ERROR_TRAITS } from "@millrace/base";
import type { StreamRecord } from "@millrace/model";

import type { Call } from "./call.ts";
import { awaitBarrier, findStream, refuseUnknown } from "./call.ts";

/**
 * A shard that takes no more records belongs to a stream that was deleted, or resharded while our
 * copy of metadata lagged. Only the first is a final answer, so it is confirmed before it is given.
 *
 * @throws AwsError `ResourceNotFoundException` when the stream is gone; returns when a retry can work.
 */
export async function confirmAfterStale(
  call: Call,
  stream: StreamRecord,
  error: unknown,
): Promise<void> {
  const { code } = asStreamError(error);
  if (code !== "stale-epoch" && code !== "not-found") return;
  await awaitBarrier(call);
  const now = findStream(call, stream.streamName);
  const gone = now?.streamId !== stream.streamId || now.status === "DELETING";
  if (gone) refuseUnknown(call, stream.streamName);
}

/** Whether it is certain that nothing was stored. */
export function nothingStored(error: StreamError): boolean {
  return ERROR_TRAITS[error.code].definite;
}
