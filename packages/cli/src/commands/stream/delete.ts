import type { Connection } from "../../connect.ts";
import { remark } from "../../output.ts";

/** Deletes a stream with all its records. @throws StreamError `not-found`. */
export async function deleteStream(
  { client, account }: Connection,
  streamName: string,
): Promise<void> {
  await client.admin.deleteStream({ account, streamName });
  remark(`stream ${streamName} is being deleted`);
}
