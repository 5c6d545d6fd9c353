/** Reads a shard from its start, follows its tail, and now and then begins again. */
import { asStreamError, sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { LoopDeps } from "./producer.ts";
import { decodePage } from "./values.ts";

const PAGE: PageBounds = { maxBytes: 256 * 1024, maxRecords: 500 };

/** At most what the broker takes: 10 MiB and 10,000 records. */
export interface PageBounds {
  readonly maxBytes: number;
  readonly maxRecords: number;
}

export class Consumer {
  readonly #deps: LoopDeps;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { process, shards, stopped } = this.#deps;
    const { random, clock } = process;
    const next = new Map<number, number>();
    while (!stopped()) {
      const shard = random.pick(shards());
      if (random.chance(0.01)) next.delete(shard.shardIndex);
      const from = next.get(shard.shardIndex) ?? 0;
      const page = await this.fetch(shard, from, random.pick([0, 200, 1000]), 3000);
      if (page !== undefined) next.set(shard.shardIndex, page.nextOffset);
      await sleep(clock, random.between(0, 100));
    }
  }

  /** One page; undefined when nobody answered. */
  async fetch(
    shard: Shard,
    from: number,
    waitMs: number,
    deadlineMs: number,
    bounds = PAGE,
  ): Promise<
    | {
        readonly nextOffset: number;
        readonly endOffset: number;
        readonly values: readonly string[];
      }
    | undefined
  > {
    const { process, history, nowMs } = this.#deps;
    const id = history.nextId();
    const told = () => ({
      timeMs: nowMs(),
      process: process.name,
      id,
      op: "fetch" as const,
      stream: shard.streamName,
      shard: shard.shardIndex,
      from,
    });
    history.add({ ...told(), kind: "invoke" });
    try {
      const query = { offset: from, ...bounds, waitMs };
      const page = await process.client.reader.fetch(shard, query, deadlineMs);
      const { endOffset } = page;
      const { offset, values } = decodePage(page, from);
      history.add({ ...told(), kind: "ok", offset, values, endOffset });
      return { nextOffset: from + values.length, endOffset, values };
    } catch (error) {
      const { code } = asStreamError(error);
      if (code === "internal") throw error;
      history.add({ ...told(), kind: "fail", error: code });
      return undefined;
    }
  }
}
