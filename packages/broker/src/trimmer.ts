/**
 * Walks the shards that this node leads and trims what is too old: every TRIM_INTERVAL_MS, and soon
 * after the retention of a stream or the trim clock changed. A bounded number of shards per turn, so that
 * ten thousand of them never hold up a put.
 */
import type { Timer } from "@millrace/base";

import { TRIM_INTERVAL_MS, TRIMS_PER_TURN_MAX } from "./bounds.ts";
import type { BrokerContext } from "./context.ts";
import { trimShard } from "./shard/trim.ts";
import type { Shards } from "./shards.ts";

/** Changes of metadata within this are answered by one walk. */
const SOON_MS = 100;

export class Trimmer {
  readonly #context: BrokerContext;
  readonly #shards: Shards;
  #timer: Timer | undefined;
  #dueMs = Infinity;
  #unsubscribe: (() => void) | undefined;

  constructor(context: BrokerContext, shards: Shards) {
    this.#context = context;
    this.#shards = shards;
  }

  start(): void {
    this.#unsubscribe = this.#context.view.onChange((keys) => {
      if (keys.some((key) => key === "cluster" || key.startsWith("stream/"))) this.#walkIn(SOON_MS);
    });
    this.#walkIn(TRIM_INTERVAL_MS);
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #walkIn(delayMs: number): void {
    const { clock } = this.#context;
    const dueMs = clock.monotonicMs() + delayMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = clock.schedule(delayMs, () => this.#walk(this.#shards.all, 0));
  }

  #walk(shards: Shards["all"], from: number): void {
    for (const hosted of shards.slice(from, from + TRIMS_PER_TURN_MAX)) {
      if (hosted.group.isReadyLeader) void trimShard(this.#context, hosted);
    }
    const next = from + TRIMS_PER_TURN_MAX;
    this.#timer = undefined;
    if (next >= shards.length) return this.#walkIn(TRIM_INTERVAL_MS);
    this.#dueMs = 0;
    this.#timer = this.#context.clock.schedule(1, () => this.#walk(shards, next));
  }
}
