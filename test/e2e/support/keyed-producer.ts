/**
 * One writer through the SDK that owns a partition key and counts its values up, several of them under way
 * at a time. Its records must come back each once and in order, whatever happens to their shard.
 */
import { StreamError } from "@millrace/base";
import type { StreamProducer } from "@millrace/client";

export interface PutTime {
  readonly startedMs: number;
  readonly endedMs: number;
}

export class KeyedProducer {
  readonly key: string;
  /** Values submitted so far: `key:0`, `key:1`, … */
  submitted = 0;
  /** Of puts that ended, in order of their ends. */
  readonly times: PutTime[] = [];
  readonly errors: string[] = [];
  readonly #producer: StreamProducer;
  readonly #streamName: string;
  readonly #running: Promise<void>[];
  #stopping = false;

  /** @param underWay Puts that are made without waiting for one another. */
  constructor(producer: StreamProducer, streamName: string, key: string, underWay: number) {
    this.#producer = producer;
    this.#streamName = streamName;
    this.key = key;
    this.#running = Array.from({ length: underWay }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  /** What is wrong with the values of this key, as a reader got them. */
  problems(values: readonly string[]): readonly string[] {
    const wanted = Array.from({ length: this.submitted }, (_, count) => `${this.key}:${count}`);
    const problems = this.errors.map((error) => `${this.key}: ${error}`);
    const at = wanted.findIndex((value, index) => values[index] !== value);
    if (at >= 0) problems.push(`${this.key}: ${values[at] ?? "nothing"} instead of ${wanted[at]}`);
    if (values.length !== wanted.length) {
      problems.push(`${this.key}: ${values.length} records instead of ${wanted.length}`);
    }
    return problems;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const startedMs = performance.now();
      const data = Buffer.from(`${this.key}:${this.submitted++}`);
      try {
        await this.#producer.put(this.#streamName, this.key, data);
      } catch (error) {
        this.errors.push(
          error instanceof StreamError ? `${error.code}: ${error.message}` : String(error),
        );
        return; // whether the record is there is not known, so nothing more can be said of the order
      }
      this.times.push({ startedMs, endedMs: performance.now() });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
