/** Processes killed one at a time, the gateway among them: writes go on within five seconds. */
import { pause, until } from "../../e2e/support/waiting.ts";
import { NODES, prove } from "../support/chaos.ts";
import type { FaultReport } from "../support/report.ts";

const VICTIMS = [...NODES, "gateway"] as const;
const RESUME_MS_MAX = 5000;
/** Answers that were on their way when the process died. */
const GRACE_MS = 100;

export function kills(rounds: number): Promise<FaultReport> {
  return prove({
    name: "kills",
    rounds,
    fault: async ({ cluster, workload, round }) => {
      const victim = VICTIMS[round % VICTIMS.length] ?? "node-1";
      cluster.kill(victim);
      await pause(GRACE_MS);
      const before = workload.acknowledged;
      await until(`writes after ${victim} was killed`, RESUME_MS_MAX, () => {
        return workload.acknowledged > before;
      });
    },
  });
}
