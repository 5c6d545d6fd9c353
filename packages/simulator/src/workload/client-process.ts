/** One process outside the cluster with a `MillraceClient` of its own. */
import type { Logger } from "@millrace/base";
import { MillraceClient } from "@millrace/client";

import { ProcessLife } from "../kernel/process-life.ts";
import { SimClock } from "../kernel/sim-clock.ts";
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

export function startClient(
  name: string,
  options: SimOptions,
  scheduler: Scheduler,
  network: SimNetwork,
  logger: Logger,
): ClientProcess {
  const life = new ProcessLife(name);
  const clock = new SimClock(scheduler, life);
  const place = { owner: life, host: name, network, clock };
  const client = new MillraceClient({
    ...clientPorts(place, new SimRandom(options.seed, `client-${name}`)),
    endpoints: Array.from({ length: options.nodes }, (_, at) => addressesOf(at + 1).rpc),
    logger,
    limits: { batchesInFlightMax: options.batchesInFlightMax },
  });
  return { name, clock, random: new SimRandom(options.seed, `workload-${name}`), client };
}
