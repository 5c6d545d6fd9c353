/**
 * One run from one seed. While it lasts nothing of the real world can be used, and what is thrown
 * where nobody listens ends it.
 */
import type { CheckReport } from "./check/history-check.ts";
import type { Fault, FaultKind, FaultTally } from "./faults/fault.ts";
import type { HistoryEvent } from "./history.ts";
import { setTrap } from "./kernel/runtime-trap.ts";
import type { SimOptions } from "./options.ts";
import { Run } from "./run/run.ts";
import { World } from "./world.ts";

export interface SeedResult {
  readonly seed: bigint;
  /** Sentences; the words before the first colon name the rule. */
  readonly violations: readonly string[];
  /** Undefined when the run ended before there was something to compare. */
  readonly report: CheckReport | undefined;
  readonly faults: ReadonlyMap<FaultKind, FaultTally>;
  /** Every fault that came, in order; a run with it as `faultList` is the same run. */
  readonly faultList: readonly Fault[];
  readonly history: readonly HistoryEvent[];
  readonly events: number;
  readonly virtualMs: number;
  readonly traceHash: string;
  readonly lastLines: readonly string[];
}

/** @param print Takes each line of the trace. */
export async function runSeed(
  options: SimOptions,
  print?: (line: string) => void,
): Promise<SeedResult> {
  const trap = setTrap();
  const world = new World(options, trap.loop, print);
  const stray = (error: unknown): void => world.scheduler.fail(error);
  process.on("unhandledRejection", stray);
  let report: CheckReport | undefined;
  try {
    report = await new Run(world).all();
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    world.broken(`threw: ${said}`);
  } finally {
    await new Promise<void>((resolve) => void trap.loop.setImmediate(resolve));
    process.off("unhandledRejection", stray);
    trap.release();
  }
  return {
    seed: options.seed,
    violations: world.oracle.violations,
    report,
    faults: world.faults.tallies,
    faultList: world.faults.list,
    history: world.history.events,
    events: world.scheduler.executed,
    virtualMs: world.scheduler.nowMs,
    traceHash: world.trace.digest(),
    lastLines: world.trace.last(),
  };
}
