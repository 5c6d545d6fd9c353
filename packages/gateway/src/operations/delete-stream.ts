/**
 * DeleteStream: the stream is DELETING at once and gone when its replicas agreed to drop it. A stream
 * that is DELETING already is accepted again, so that a repeated request is no error.
 *
 * Source: Kinesis API reference, DeleteStream; reference/kinesis-api 2.9.
 */
import { asStreamError } from "@millrace/base";

import type { DeleteStreamInput } from "../gen/kinesis-tables.ts";
import { asAwsError } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import { confirmedStream, refuseUnknown, remainingMs } from "./call.ts";

export async function deleteStream(call: Call, input: DeleteStreamInput): Promise<Answer> {
  const { account, streamName, streamId, status } = await confirmedStream(call, input);
  if (status === "DELETING") return undefined;
  try {
    const order = { account, streamName, streamId };
    await call.backend.admin.deleteStream(order, remainingMs(call, Infinity));
    return undefined;
  } catch (error) {
    if (asStreamError(error).code === "not-found") refuseUnknown(call, streamName);
    throw asAwsError(error);
  }
}
