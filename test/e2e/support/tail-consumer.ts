/**
 * A consumer that follows every shard of a stream while faults happen, and the check of what it saw.
 *
 * It remembers the sequence numbers it was given, takes a new iterator after each failure, and now and
 * then without one, as a restarted consumer does. S5: it never sees a number twice or a lower one
 * after a higher one; and against the records read at the end: it skipped none.
 */
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";

import type { ReadRecord } from "./kinesis.ts";

/** Pages after which the consumer asks for a new iterator although nothing failed. */
const PAGES_PER_ITERATOR = 50;
const PAUSE_MS = 20;

export class TailConsumer {
  readonly #client: KinesisClient;
  readonly #streamName: string;
  readonly #seen = new Map<string, bigint[]>();
  readonly #problems: string[] = [];
  readonly #running: Promise<void>[] = [];
  #failures = 0;
  #stopping = false;

  constructor(client: KinesisClient, streamName: string) {
    this.#client = client;
    this.#streamName = streamName;
  }

  async start(): Promise<void> {
    const command = new ListShardsCommand({ StreamName: this.#streamName });
    const { Shards = [] } = await this.#client.send(command);
    for (const { ShardId } of Shards) {
      if (ShardId !== undefined) this.#running.push(this.#follow(ShardId));
    }
  }

  async stop(): Promise<{ readonly seen: number; readonly failures: number }> {
    this.#stopping = true;
    await Promise.all(this.#running);
    const seen = [...this.#seen.values()].reduce((sum, list) => sum + list.length, 0);
    return { seen, failures: this.#failures };
  }

  /** What is wrong with what was seen; `records` are all of the stream, shard by shard in order. */
  check(records: readonly ReadRecord[]): readonly string[] {
    const problems = [...this.#problems];
    for (const [shardId, seen] of this.#seen) {
      const stored = records.filter((record) => record.shardId === shardId);
      for (const [at, sequenceNumber] of seen.entries()) {
        if (stored[at]?.sequenceNumber === String(sequenceNumber)) continue;
        problems.push(
          `S5: record ${at} of ${shardId} was seen as ${sequenceNumber}, but is ${stored[at]?.sequenceNumber}`,
        );
        break;
      }
    }
    return problems;
  }

  async #follow(shardId: string): Promise<void> {
    const seen: bigint[] = [];
    this.#seen.set(shardId, seen);
    while (!this.#stopping) {
      try {
        await this.#readPages(shardId, seen);
      } catch {
        this.#failures++;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  async #readPages(shardId: string, seen: bigint[]): Promise<void> {
    const last = seen.at(-1);
    const from =
      last === undefined
        ? ({ ShardIteratorType: "TRIM_HORIZON" } as const)
        : ({
            ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber: String(last),
          } as const);
    const start = new GetShardIteratorCommand({
      StreamName: this.#streamName,
      ShardId: shardId,
      ...from,
    });
    let { ShardIterator: iterator } = await this.#client.send(start);
    for (let page = 0; page < PAGES_PER_ITERATOR && iterator !== undefined; page++) {
      if (this.#stopping) return;
      const answer = await this.#client.send(new GetRecordsCommand({ ShardIterator: iterator }));
      for (const { SequenceNumber = "0" } of answer.Records ?? []) {
        const number = BigInt(SequenceNumber);
        const before = seen.at(-1) ?? -1n;
        if (number <= before)
          this.#problems.push(`S5: ${shardId} went from ${before} to ${number}`);
        seen.push(number);
      }
      iterator = answer.NextShardIterator;
      if (answer.Records?.length === 0)
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
