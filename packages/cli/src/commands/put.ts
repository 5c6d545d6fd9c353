/** Lines of standard input or of a file into a stream, in batches, with progress. */
import { open } from "node:fs/promises";

import { StreamError } from "@millrace/base";
import { StreamProducer } from "@millrace/client";

import type { Connection } from "../connect.ts";
import { remark } from "../output.ts";
import { partitionKeyOf, readLines } from "../record-lines.ts";

/** Lines and bytes under way at once; reading waits beyond either. */
const IN_FLIGHT_MAX = 2000;
const IN_FLIGHT_BYTES_MAX = 32 * 1024 * 1024;
const PROGRESS_EVERY_MS = 1000;

export interface PutOptions {
  /** File to read, or `-` for standard input. */
  readonly file: string;
  /** Partition key of every line; without it each line's own text is the key, which spreads lines over shards. */
  readonly key: string | undefined;
  readonly quiet: boolean;
}

/**
 * Ends after the last line, or before the next one when `signal` aborts (Ctrl-C); in both cases
 * every line that was begun is settled and counted.
 *
 * @throws StreamError the first failure, after every line under way was settled; says how many lines were stored.
 */
export async function putLines(
  connection: Connection,
  streamName: string,
  options: PutOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, account } = connection;
  // Opened before anything is sent, so that a wrong path is told at once.
  const input =
    options.file === "-" ? process.stdin : (await openFile(options.file)).createReadStream();
  const stop = () => void input.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const flight = new Flight(new StreamProducer(client, { account }), streamName);
  const started = performance.now();
  const progress = options.quiet
    ? undefined
    : setInterval(() => remark(flight.describe()), PROGRESS_EVERY_MS);
  try {
    for await (const line of readLines(input)) {
      if (signal.aborted || flight.failure !== undefined) break;
      await flight.put(options.key ?? partitionKeyOf(line), line);
    }
  } catch (error) {
    if (!signal.aborted) flight.failure ??= error;
  } finally {
    await flight.settled();
    clearInterval(progress);
    signal.removeEventListener("abort", stop);
    input.destroy(); // a terminal or pipe that is still open would keep the process alive
  }
  if (flight.failure !== undefined) throw withCount(flight.failure, flight.stored);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const stopped = signal.aborted ? "stopped: " : "";
  if (!options.quiet) remark(`${stopped}${flight.stored} lines stored in ${seconds} s`);
}

/** @throws StreamError `invalid-argument` for a path that is no readable file. */
async function openFile(path: string) {
  const file = await open(path).catch((cause: unknown) => {
    throw new StreamError("invalid-argument", `--file: ${(cause as Error).message}`, { cause });
  });
  if (!(await file.stat()).isDirectory()) return file;
  await file.close();
  throw new StreamError("invalid-argument", `--file is ${path}, which is a folder`);
}

/** Lines that were sent and are not settled yet, within bounds. */
class Flight {
  readonly #producer: StreamProducer;
  readonly #streamName: string;
  readonly #pending = new Set<Promise<void>>();
  #bytes = 0;
  stored = 0;
  failure: unknown;

  constructor(producer: StreamProducer, streamName: string) {
    this.#producer = producer;
    this.#streamName = streamName;
  }

  /** Resolves when there is room for another line. */
  async put(key: string, line: Buffer): Promise<void> {
    const sent = this.#producer.put(this.#streamName, key, line).then(
      () => void this.stored++,
      (error: unknown) => void (this.failure ??= error),
    );
    this.#bytes += line.length;
    const tracked = sent.finally(() => {
      this.#pending.delete(tracked);
      this.#bytes -= line.length;
    });
    this.#pending.add(tracked);
    while (this.#pending.size >= IN_FLIGHT_MAX || this.#bytes >= IN_FLIGHT_BYTES_MAX) {
      await Promise.race(this.#pending);
    }
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  describe(): string {
    return `${this.stored} lines stored, ${this.#pending.size} under way`;
  }
}

function withCount(failure: unknown, stored: number): Error {
  if (!(failure instanceof StreamError)) return failure as Error;
  if (stored === 0) return failure;
  const message = `${failure.message} (${stored} lines were stored before)`;
  return new StreamError(failure.code, message, { cause: failure, hint: failure.hint });
}
