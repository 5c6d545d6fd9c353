/**
 * Producers whose every value is unique, and the check of what must be true of them at the end.
 *
 * Each producer owns its partition keys and waits for each answer before it sends on, so the order
 * per key is known. A call that failed is sent again with the same records: that can store a
 * record twice, which is allowed; losing an acknowledged one (S1), inventing one (S4) or swapping
 * two of one key (S3) is not.
 */
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";

import type { ReadRecord } from "./kinesis.ts";

export interface WorkloadOptions {
  readonly streamName: string;
  readonly producers: number;
  readonly recordsPerCall: number;
  /** Makes the client that a producer uses. */
  readonly client: (producer: number) => KinesisClient;
  /** Bytes appended to each value. */
  readonly paddingBytes?: number;
  /** Wait of a producer between its calls, milliseconds. @default 0 */
  readonly paceMs?: number;
}

interface Acknowledged {
  readonly value: string;
  readonly sequenceNumber: string;
}

export interface WorkloadReport {
  readonly acknowledged: number;
  readonly retriedRecords: number;
  /** Longest time without any acknowledgement, milliseconds. */
  readonly longestPauseMs: number;
  /** Longest time without an acknowledgement of one key, which has one shard: what its writers saw. */
  readonly longestKeyPauseMs: number;
  readonly errors: Readonly<Record<string, number>>;
}

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #acknowledged = new Map<string, Acknowledged[]>();
  readonly #submitted = new Set<string>();
  readonly #errors = new Map<string, number>();
  readonly #running: Promise<void>[] = [];
  #retried = 0;
  #lastAckMs = performance.now();
  #longestPauseMs = 0;
  #longestKeyPauseMs = 0;
  readonly #keyAckMs = new Map<string, number>();
  #stopping = false;
  #duplicated = 0;
  #parked = 0;
  #released: Promise<void> | undefined;
  #release = () => {};

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lastAckMs = performance.now();
    for (let producer = 0; producer < this.#options.producers; producer++) {
      this.#running.push(this.#produce(producer));
    }
  }

  /** Records acknowledged so far. */
  get acknowledged(): number {
    let count = 0;
    for (const list of this.#acknowledged.values()) count += list.length;
    return count;
  }

  /** Milliseconds since the newest acknowledgement. */
  get sinceAckMs(): number {
    return performance.now() - this.#lastAckMs;
  }

  /** Records that the last `check` found more than once. */
  get duplicated(): number {
    return this.#duplicated;
  }

  /** Resolves when nothing is under way any more; no producer sends before `release`. */
  async hold(): Promise<void> {
    this.#released ??= new Promise((resolve) => (this.#release = resolve));
    while (this.#parked < this.#options.producers) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  release(): void {
    this.#released = undefined;
    this.#release();
  }

  async stop(): Promise<WorkloadReport> {
    this.#stopping = true;
    this.release();
    await Promise.all(this.#running);
    return {
      acknowledged: this.acknowledged,
      retriedRecords: this.#retried,
      longestPauseMs: Math.round(this.#longestPauseMs),
      longestKeyPauseMs: Math.round(this.#longestKeyPauseMs),
      errors: Object.fromEntries(this.#errors),
    };
  }

  /** What is wrong with the records read at the end; empty when everything holds. */
  check(records: readonly ReadRecord[]): readonly string[] {
    const problems: string[] = [];
    const places = new Map<string, number[]>();
    this.#duplicated = 0;
    records.forEach((record, index) => {
      const value = valueOf(record.data);
      const list = places.get(value) ?? [];
      list.push(index);
      places.set(value, list);
      this.#duplicated += list.length > 1 ? 1 : 0;
      if (!this.#submitted.has(value)) problems.push(`S4: ${value} was never submitted`);
    });
    for (const [key, list] of this.#acknowledged) {
      let previous = -1;
      for (const { value, sequenceNumber } of list) {
        const found = places.get(value) ?? [];
        const at = found.find((index) => records[index]?.sequenceNumber === sequenceNumber);
        if (at === undefined) {
          problems.push(
            `S1: ${value} of ${key} was acknowledged at ${sequenceNumber} and is not there`,
          );
          continue;
        }
        if (at <= previous) problems.push(`S3: ${value} of ${key} stands before its predecessor`);
        previous = at;
      }
    }
    return problems;
  }

  async #produce(producer: number): Promise<void> {
    const client = this.#options.client(producer);
    const padding = "x".repeat(this.#options.paddingBytes ?? 100);
    let sequence = 0;
    while (!this.#stopping) {
      await this.#rest();
      const keys = Array.from(
        { length: this.#options.recordsPerCall },
        (_, index) => `p${producer}-k${index}`,
      );
      const values = keys.map((key) => `${key}:${sequence++}`);
      for (const value of values) this.#submitted.add(value);
      await this.#putUntilDone(client, keys, values, padding);
    }
    client.destroy();
  }

  async #rest(): Promise<void> {
    const { paceMs = 0 } = this.#options;
    if (paceMs > 0) await new Promise((resolve) => setTimeout(resolve, paceMs));
    this.#parked++;
    await this.#released;
    this.#parked--;
  }

  async #putUntilDone(
    client: KinesisClient,
    keys: readonly string[],
    values: readonly string[],
    padding: string,
  ): Promise<void> {
    let missing = keys.map((_, index) => index);
    while (missing.length > 0) {
      const records = missing.map((index) => ({
        PartitionKey: keys[index] ?? "",
        Data: Buffer.from(`${values[index]}|${padding}`),
      }));
      try {
        const command = new PutRecordsCommand({
          StreamName: this.#options.streamName,
          Records: records,
        });
        const answer = await client.send(command);
        const still: number[] = [];
        answer.Records?.forEach((result, at) => {
          const index = missing[at] ?? 0;
          if (result.SequenceNumber === undefined) {
            still.push(index);
            this.#count(result.ErrorCode ?? "no code");
          } else {
            this.#acknowledge(keys[index] ?? "", values[index] ?? "", result.SequenceNumber);
          }
        });
        missing = still;
      } catch (error) {
        this.#count(error instanceof Error ? error.name : String(error));
        // Bounded by the test's own time: after a failure the producer must not spin.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      this.#retried += missing.length;
    }
  }

  #acknowledge(key: string, value: string, sequenceNumber: string): void {
    const now = performance.now();
    this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#lastAckMs);
    this.#lastAckMs = now;
    this.#longestKeyPauseMs = Math.max(
      this.#longestKeyPauseMs,
      now - (this.#keyAckMs.get(key) ?? now),
    );
    this.#keyAckMs.set(key, now);
    const list = this.#acknowledged.get(key) ?? [];
    list.push({ value, sequenceNumber });
    this.#acknowledged.set(key, list);
  }

  #count(error: string): void {
    this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1);
  }
}

function valueOf(data: Buffer): string {
  return data.toString("latin1", 0, data.indexOf(0x7c));
}
