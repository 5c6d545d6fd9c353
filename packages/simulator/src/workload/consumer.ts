/**
 * Reads shards from a checkpoint, follows their tails, and now and then begins again. The checkpoints
 * outlive the process: who comes after a crash goes on from there, and reads some of it twice.
 */
import { asStreamError, sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { LoopDeps } from "./producer.ts";
import { decodePage } from "./values.ts";

const PAGE: PageBounds = { maxBytes: 256 * 1024, maxRecords: 500 };
/** Pages of one shard between two checkpoints. */
const PAGES_PER_CHECKPOINT = 5;

/** At most what the broker takes: 10 MiB and 10,000 records. */
export interface PageBounds {
  readonly maxBytes: number;
  readonly maxRecords: number;
}

/** Next offset by shard, as on a disk. */
export type Checkpoints = Map<string, number>;

export interface FetchedPage {
  readonly offset: number;
  readonly values: readonly string[];
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly trimOffset: number;
}

export class Consumer {
  readonly #deps: LoopDeps;
  readonly #checkpoints: Checkpoints;
  readonly #next = new Map<string, number>();
  #pages = 0;

  constructor(deps: LoopDeps, checkpoints: Checkpoints = new Map()) {
    this.#deps = deps;
    this.#checkpoints = checkpoints;
  }

  async run(): Promise<void> {
    const { process, shards, stopped } = this.#deps;
    const { random, clock } = process;
    while (!stopped()) {
      const now = shards();
      if (now.length > 0) await this.#readOne(random.pick(now));
      await sleep(clock, random.between(0, 100));
    }
  }

  async #readOne(shard: Shard): Promise<void> {
    const { random } = this.#deps.process;
    const key = `${shard.streamId}/${shard.shardIndex}`;
    if (random.chance(0.01)) {
      this.#next.delete(key);
      this.#checkpoints.delete(key);
    }
    const next = this.#next.get(key);
    const from = next ?? this.#checkpoints.get(key) ?? 0;
    const waitMs = random.pick([0, 200, 1000]);
    const page = await this.fetch(shard, from, waitMs, 3000, PAGE, next !== undefined);
    if (page === undefined) return;
    this.#next.set(key, page.nextOffset);
    if (++this.#pages % PAGES_PER_CHECKPOINT === 0) this.#checkpoints.set(key, page.nextOffset);
  }

  /** One page; undefined when nobody answered. @param follows Whether the page before ended at `from`. */
  async fetch(
    shard: Shard,
    from: number,
    waitMs: number,
    deadlineMs: number,
    bounds = PAGE,
    follows = false,
  ): Promise<FetchedPage | undefined> {
    const { process, history, nowMs } = this.#deps;
    const id = history.nextId();
    const told = () => ({
      timeMs: nowMs(),
      process: process.name,
      id,
      op: "fetch" as const,
      stream: shard.streamId,
      shard: shard.shardIndex,
      from,
      follows,
    });
    history.add({ ...told(), kind: "invoke" });
    try {
      const query = { offset: from, ...bounds, waitMs };
      const page = await process.client.reader.fetch(shard, query, deadlineMs);
      const { endOffset, trimOffset } = page;
      const { offset, values, wrong } = decodePage(page, from);
      const answer = { offset, values, endOffset, trimOffset };
      history.add({ ...told(), kind: "ok", ...answer, ...(wrong.length > 0 ? { wrong } : {}) });
      const nextOffset = values.length > 0 ? offset + values.length : Math.max(from, trimOffset);
      return { ...answer, nextOffset };
    } catch (error) {
      const { code } = asStreamError(error);
      if (code === "internal") throw error;
      history.add({ ...told(), kind: "fail", error: code });
      return undefined;
    }
  }
}
