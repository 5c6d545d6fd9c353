/**
 * A machine outside the cluster, and the process with a `MillraceClient` that runs on it. A process
 * that crashed comes back under a new name and as a new producer; what it had under way is left open.
 */
import type { Logger } from "@millrace/base";
import { MillraceClient } from "@millrace/client";

import { ProcessLife } from "../kernel/process-life.ts";
import type { Calendar } from "../kernel/sim-clock.ts";
import { ClockError, SimClock } from "../kernel/sim-clock.ts";
import { SimRandom } from "../kernel/sim-random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import type { SimNetwork } from "../net/network.ts";
import { addressesOf } from "../node/addresses.ts";
import { clientPorts } from "../node/sim-node.ts";
import type { SimOptions } from "../options.ts";

export interface ClientProcess {
  readonly name: string;
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly client: MillraceClient;
}

export interface ClientDeps {
  readonly options: SimOptions;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly calendar: Calendar;
  readonly logger: (name: string) => Logger;
  readonly note: (what: string) => void;
}

export class ClientSlot {
  readonly host: string;
  readonly #deps: ClientDeps;
  #boot = 0;
  #life: ProcessLife | undefined;
  #process: ClientProcess | undefined;
  #work: ((process: ClientProcess) => Promise<void>) | undefined;
  /** Of the process that runs now: ends when its work does. */
  done: Promise<void> = Promise.resolve();

  constructor(host: string, deps: ClientDeps) {
    this.host = host;
    this.#deps = deps;
  }

  /** @throws Error when no process runs. */
  get process(): ClientProcess {
    if (this.#process === undefined) throw new Error(`${this.host} runs no process`);
    return this.#process;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** @param work What each process on this machine does. */
  start(work = this.#work): void {
    if (this.#process !== undefined) return;
    this.#work = work;
    const { options, scheduler, network, calendar, logger, note } = this.#deps;
    const name = `${this.host}.${++this.#boot}`;
    const life = new ProcessLife(name);
    const clock = new SimClock(
      scheduler,
      life,
      new ClockError(() => scheduler.nowMs, 0, 1, calendar),
    );
    const place = { owner: life, host: this.host, network, clock };
    const client = new MillraceClient({
      ...clientPorts(place, new SimRandom(options.seed, `client-${name}`)),
      endpoints: Array.from({ length: options.nodes }, (_, at) => addressesOf(at + 1).rpc),
      logger: logger(name),
      limits: { batchesInFlightMax: options.batchesInFlightMax },
    });
    this.#life = life;
    const random = new SimRandom(options.seed, `workload-${name}`);
    this.#process = { name, clock, random, client };
    note(`${name} starts`);
    if (work === undefined) return;
    this.done = work(this.#process);
    this.done.catch((error: unknown) => {
      if (life.alive) scheduler.fail(error);
    });
  }

  crash(): void {
    if (this.#life === undefined) return;
    this.#deps.note(`${this.#life.name} crashes`);
    this.#life.alive = false;
    this.#deps.network.ended(this.#life, false);
    this.#life = undefined;
    this.#process = undefined;
    this.done = Promise.resolve();
  }
}
