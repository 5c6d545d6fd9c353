/** Lines of standard input or of a file into a stream, in batches, with progress. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { StreamError } from "@millrace/base";
import { StreamProducer } from "@millrace/client";

import type { Connection } from "../connect.ts";
import { remark } from "../output.ts";

/** Lines under way at once; reading waits beyond it. */
const IN_FLIGHT_MAX = 2000;
const PROGRESS_EVERY_MS = 1000;

export interface PutOptions {
  /** File to read, or `-` for standard input. */
  readonly file: string;
  /** Partition key of every line; without it each line's own text is the key, which spreads lines over shards. */
  readonly key: string | undefined;
  readonly quiet: boolean;
}

/** @throws StreamError the first failure, after every line under way was settled; says how many lines were stored. */
export async function putLines(
  connection: Connection,
  streamName: string,
  options: PutOptions,
): Promise<void> {
  const { client, account } = connection;
  const producer = new StreamProducer(client, { account });
  const input = options.file === "-" ? process.stdin : createReadStream(options.file);
  const lines = createInterface({ input, crlfDelay: Infinity });
  const started = performance.now();
  let stored = 0;
  let failure: unknown;
  const pending = new Set<Promise<void>>();
  const report = () => remark(`${stored} lines stored, ${pending.size} under way`);
  const progress = options.quiet ? undefined : setInterval(report, PROGRESS_EVERY_MS);
  try {
    for await (const line of lines) {
      const key = options.key ?? partitionKeyOf(line);
      const put = producer.put(streamName, key, Buffer.from(line)).then(
        () => void stored++,
        (error: unknown) => void (failure ??= error),
      );
      const tracked = put.finally(() => pending.delete(tracked));
      pending.add(tracked);
      if (pending.size >= IN_FLIGHT_MAX) await Promise.race(pending);
      if (failure !== undefined) break;
    }
    await Promise.all(pending);
  } finally {
    clearInterval(progress);
    lines.close();
  }
  if (failure !== undefined) throw withCount(failure, stored);
  if (!options.quiet)
    remark(`${stored} lines stored in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** A partition key has 1..256 characters; an empty line still needs one. */
function partitionKeyOf(line: string): string {
  return line === "" ? "-" : line.slice(0, 256);
}

function withCount(failure: unknown, stored: number): Error {
  if (!(failure instanceof StreamError)) return failure as Error;
  const message = `${failure.message} (${stored} lines were stored before)`;
  return new StreamError(failure.code, message, { cause: failure, hint: failure.hint });
}
