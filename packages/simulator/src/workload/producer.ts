/** Puts unique values, one or several puts at a time, and writes down what it was told. */
import { asStreamError, ERROR_TRAITS, sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { History } from "../history.ts";
import type { SimOptions } from "../options.ts";
import type { ClientProcess } from "./client-process.ts";
import { encodeValues } from "./values.ts";

const DEADLINES_MS = [1000, 5000, 20_000] as const;
/** Huge records of one producer's life: each costs as much as thousands of others. */
const HUGE_MAX = 2;

/** Where puts pass, of whichever client: days may pass only while none is on its way. */
export interface PutGate {
  isClosed: boolean;
  underWay: number;
  /** When the last one ended. */
  quietSinceMs: number;
}

export interface LoopDeps {
  readonly gate: PutGate;
  readonly process: ClientProcess;
  readonly history: History;
  readonly options: SimOptions;
  /** Shards that take records, of every stream that is there. */
  readonly shards: () => readonly Shard[];
  readonly nowMs: () => number;
  readonly calendarMs: () => number;
  readonly note: (what: string) => void;
  readonly stopped: () => boolean;
}

export class Producer {
  readonly #deps: LoopDeps;
  #counter = 0;
  #huge = 0;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { putsAtOnce } = this.#deps.options;
    await Promise.all(Array.from({ length: putsAtOnce }, () => this.#loop()));
  }

  async #loop(): Promise<void> {
    const { process, shards, stopped, options } = this.#deps;
    const { random, clock } = process;
    while (!stopped()) {
      const now = shards();
      const count = 1 + random.uniform(options.recordsMax);
      if (now.length > 0 && !this.#deps.gate.isClosed)
        await this.put(random.pick(now), count, random.pick(DEADLINES_MS));
      await sleep(clock, random.between(0, options.thinkMs));
    }
  }

  /** @returns Whether the put was acknowledged. */
  async put(shard: Shard, count: number, deadlineMs: number): Promise<boolean> {
    const { process, history, nowMs, calendarMs, note, gate } = this.#deps;
    const values = Array.from({ length: count }, () => `${process.name}-${this.#counter++}`);
    const id = history.nextId();
    const beganMs = calendarMs();
    const told = () => ({
      timeMs: nowMs(),
      process: process.name,
      id,
      op: "put" as const,
      stream: shard.streamId,
      shard: shard.shardIndex,
      values,
      calendarMs: beganMs,
    });
    history.add({ ...told(), kind: "invoke" });
    gate.underWay += 1;
    note(`${process.name} put ${id} shard ${shard.shardIndex} ${values[0]} x${count}`);
    try {
      const encoded = encodeValues(shard, values, this.#bytesMax(count));
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
    } finally {
      gate.underWay -= 1;
      gate.quietSinceMs = nowMs();
    }
  }

  /** Now and then one record is as large as records get. */
  #bytesMax(count: number): number {
    const { options, process } = this.#deps;
    const isHuge = options.hugeBytes > 0 && count === 1 && this.#huge < HUGE_MAX;
    if (!isHuge || !process.random.chance(0.05)) return options.recordBytesMax;
    this.#huge += 1;
    return options.hugeBytes;
  }
}
