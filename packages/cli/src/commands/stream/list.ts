import type { Connection } from "../../connect.ts";
import type { OutputFormat } from "../../output.ts";
import { print } from "../../output.ts";

const BARRIER_DEADLINE_MS = 5000;

/** Prints the account's streams, in order of their names. */
export async function listStreams(
  { client, account }: Connection,
  format: OutputFormat,
): Promise<void> {
  await client.barrier(BARRIER_DEADLINE_MS);
  const streams = client.view
    .list("stream")
    .filter((stream) => stream.account === account)
    .map((stream) => ({
      streamName: stream.streamName,
      status: stream.status,
      shards: client.view.shards(stream.streamId).filter((shard) => shard.state === "open").length,
      retentionHours: stream.retentionHours,
      createdAt: new Date(stream.createdAtMs).toISOString(),
    }));
  print(format, { streams }, () => [
    { rows: streams, empty: "no streams yet: millrace stream create NAME --shards 4" },
  ]);
}
