/** Prints a stream's records, one per line, oldest first per shard; follows it with --follow. */
import { StreamError } from "@millrace/base";
import type { ReadPosition } from "@millrace/client";
import { StreamReader } from "@millrace/client";

import type { Connection } from "../connect.ts";
import { parseSince } from "../durations.ts";
import { LineOutput } from "../line-output.ts";

export interface TailOptions {
  readonly follow: boolean;
  readonly position: ReadPosition;
  /** Stops after this many records. */
  readonly limit: number | undefined;
  readonly json: boolean;
}

export async function tailStream(
  connection: Connection,
  streamName: string,
  options: TailOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, account } = connection;
  const reader = new StreamReader(client, {
    account,
    streamName,
    position: options.position,
    follow: options.follow,
  });
  let printed = 0;
  const stop = () => void reader.close();
  signal.addEventListener("abort", stop, { once: true });
  const output = new LineOutput(process.stdout, stop);
  try {
    for await (const record of reader) {
      await output.write(options.json ? Buffer.from(describe(record)) : record.data);
      if (output.isClosed || signal.aborted) break;
      printed++;
      if (options.limit !== undefined && printed >= options.limit) break;
    }
  } finally {
    await reader.close();
    signal.removeEventListener("abort", stop);
    output.release();
  }
}

function describe(record: {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly arrivalMs: number;
  readonly data: Uint8Array;
}): string {
  return JSON.stringify({
    shardId: record.shardId,
    sequenceNumber: record.sequenceNumber,
    partitionKey: record.partitionKey,
    approximateArrivalTimestamp: new Date(record.arrivalMs).toISOString(),
    data: Buffer.from(record.data).toString("base64"),
  });
}

/** Where to begin. @throws StreamError `invalid-argument` for another form, or for both at once. */
export function positionOf(
  since: string | undefined,
  from: string | undefined,
  nowMs: number,
): ReadPosition {
  if (since !== undefined && from !== undefined) {
    throw new StreamError(
      "invalid-argument",
      `--since ${since} and --from ${from} exclude each other: give one`,
    );
  }
  if (since !== undefined) return { kind: "AT_TIMESTAMP", timestampMs: parseSince(since, nowMs) };
  if (from === undefined || from === "TRIM_HORIZON") return { kind: "TRIM_HORIZON" };
  if (from === "LATEST") return { kind: "LATEST" };
  if (/^\d+$/.test(from)) return { kind: "AT_SEQUENCE_NUMBER", sequenceNumber: from };
  throw new StreamError(
    "invalid-argument",
    `--from is ${from}, but must be TRIM_HORIZON, LATEST or a sequence number`,
  );
}
