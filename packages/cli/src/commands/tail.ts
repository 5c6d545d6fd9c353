/** Prints a stream's records, one per line, oldest first per shard; follows it with --follow. */
import { StreamError } from "@millrace/base";
import type { ReadPosition } from "@millrace/client";
import { StreamReader } from "@millrace/client";

import type { Connection } from "../connect.ts";
import { parseSince } from "../durations.ts";

export interface TailOptions {
  readonly follow: boolean;
  readonly since: string | undefined;
  /** `TRIM_HORIZON`, `LATEST` or a sequence number. */
  readonly from: string;
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
    position: startOf(options),
    follow: options.follow,
  });
  let printed = 0;
  const stop = () => void reader.close();
  signal.addEventListener("abort", stop, { once: true });
  process.stdout.once("error", stop);
  try {
    for await (const record of reader) {
      const line = options.json ? describe(record) : Buffer.from(record.data);
      process.stdout.write(line);
      process.stdout.write("\n");
      printed++;
      if (options.limit !== undefined && printed >= options.limit) break;
    }
  } finally {
    await reader.close();
    signal.removeEventListener("abort", stop);
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

function startOf(options: TailOptions): ReadPosition {
  if (options.since !== undefined) {
    return { kind: "AT_TIMESTAMP", timestampMs: parseSince(options.since, Date.now()) };
  }
  if (options.from === "TRIM_HORIZON" || options.from === "LATEST") return { kind: options.from };
  if (/^\d+$/.test(options.from)) {
    return { kind: "AT_SEQUENCE_NUMBER", sequenceNumber: options.from };
  }
  throw new StreamError(
    "invalid-argument",
    `--from is ${options.from}, but must be TRIM_HORIZON, LATEST or a sequence number`,
  );
}
