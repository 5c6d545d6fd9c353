/** Puts unique values, one put at a time, and writes down what it was told. */
import { asStreamError, ERROR_TRAITS, sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { History } from "../history.ts";
import type { SimOptions } from "../options.ts";
import type { ClientProcess } from "./client-process.ts";
import { encodeValues } from "./values.ts";

const DEADLINES_MS = [1000, 5000, 20_000] as const;

export interface LoopDeps {
  readonly process: ClientProcess;
  readonly history: History;
  readonly options: SimOptions;
  readonly shards: () => readonly Shard[];
  readonly nowMs: () => number;
  readonly note: (what: string) => void;
  readonly stopped: () => boolean;
}

export class Producer {
  readonly #deps: LoopDeps;
  #counter = 0;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { process, shards, stopped, options } = this.#deps;
    const { random, clock } = process;
    while (!stopped()) {
      const count = 1 + random.uniform(options.recordsMax);
      await this.put(random.pick(shards()), count, random.pick(DEADLINES_MS));
      await sleep(clock, random.between(0, options.thinkMs));
    }
  }

  /** @returns Whether the put was acknowledged. */
  async put(shard: Shard, count: number, deadlineMs: number): Promise<boolean> {
    const { process, history, options, nowMs, note } = this.#deps;
    const values = Array.from({ length: count }, () => `${process.name}-${this.#counter++}`);
    const id = history.nextId();
    const told = () => ({
      timeMs: nowMs(),
      process: process.name,
      id,
      op: "put" as const,
      stream: shard.streamName,
      shard: shard.shardIndex,
      values,
    });
    history.add({ ...told(), kind: "invoke" });
    note(`${process.name} put ${id} shard ${shard.shardIndex} ${values[0]} x${count}`);
    try {
      const encoded = encodeValues(shard, values, options.recordBytesMax);
      const outcome = await process.client.producer.put(shard, encoded, deadlineMs);
      const { baseOffset, accepted } = outcome;
      history.add({ ...told(), kind: "ok", offset: baseOffset, accepted });
      note(`${process.name} ok ${id} at ${baseOffset} x${accepted}`);
      return accepted > 0;
    } catch (error) {
      const { code, message } = asStreamError(error);
      if (code === "internal") throw error;
      const kind = ERROR_TRAITS[code].definite ? "fail" : "info";
      history.add({ ...told(), kind, error: code });
      note(`${process.name} ${kind} ${id} ${code}: ${message}`);
      return false;
    }
  }
}
