/**
 * Power cuts: processes that are killed on a disk that loses what they had not synced (reference D.1:
 * acknowledged data of another system was lost by one power cut).
 */
import { SeededRandom } from "@millrace/base/testing";

import { pause } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultReport } from "../support/report.ts";
import { seedOf } from "../support/seed.ts";

const cluster = { set: { "test-power-cuts": "true" } };

/** All nodes go dark at once. */
export function powerCuts(rounds: number): Promise<FaultReport> {
  const random = new SeededRandom(seedOf("power-cuts"));
  return prove({
    name: "power-cuts",
    rounds,
    cluster,
    fault: async (run) => {
      await pause(200 + random.uniform(1000));
      for (const name of NODES) run.cluster.kill(name);
      return NODES.length;
    },
  });
}

/**
 * Jepsen's scenario: a paused minority comes back with an old log just as another node loses power.
 *
 * @param writesMs How long is written while it sleeps.
 */
export function jepsen(rounds: number, writesMs = 30_000): Promise<FaultReport> {
  const random = new SeededRandom(seedOf("jepsen"));
  return prove({
    name: "jepsen",
    rounds,
    cluster,
    roundsPerLot: 5,
    fault: async (run) => {
      const asleep = NODES[random.uniform(3)] ?? "node-1";
      const others = NODES.filter((name) => name !== asleep);
      const dark = others[random.uniform(2)] ?? "node-1";
      run.cluster.kill(asleep, "SIGSTOP");
      const before = run.workload.acknowledged;
      await pause(writesMs);
      const written = run.workload.acknowledged - before;
      run.cluster.kill(asleep, "SIGCONT");
      await pause(random.uniform(300));
      run.cluster.kill(dark);
      console.log(`${asleep} slept through ${written} records, then ${dark} went dark`);
      return 2;
    },
  });
}
