/** One run as a message between processes: what is asked for, and what came of it. */
import type { Fault, FaultKind, FaultTally } from "../faults/fault.ts";
import type { OptionOverrides } from "../options.ts";
import { optionsOf } from "../options.ts";
import type { SeedResult } from "../run-seed.ts";
import { runSeed } from "../run-seed.ts";

export interface Job {
  /** Decimal, because messages carry no big integers. */
  readonly seed: string;
  /** Virtual seconds with faults. */
  readonly seconds: number;
  readonly overrides: OptionOverrides;
}

export interface Outcome {
  readonly job: Job;
  readonly violations: readonly string[];
  /** Why the run was broken off without a finding. */
  readonly gaveUp?: string;
  readonly acknowledged: number;
  readonly faults: readonly (readonly [kind: FaultKind, tally: FaultTally])[];
  readonly events: number;
  readonly virtualMs: number;
  readonly traceHash: string;
  /** Only of a failed run. */
  readonly failure?: {
    readonly options: string;
    readonly faultList: readonly Fault[];
    readonly lastLines: readonly string[];
  };
}

export async function runJob(job: Job, print?: (line: string) => void): Promise<Outcome> {
  const options = optionsOf(BigInt(job.seed), job.seconds * 1000, job.overrides);
  return outcomeOf(job, options, await runSeed(options, print));
}

export function outcomeOf(job: Job, options: object, result: SeedResult): Outcome {
  const { violations, faults, faultList, events, virtualMs, traceHash, lastLines } = result;
  const plain = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? String(value) : value;
  const failure = { options: JSON.stringify(options, plain), faultList, lastLines };
  return {
    job,
    violations,
    acknowledged: result.report?.acknowledged ?? 0,
    faults: [...faults],
    events,
    virtualMs,
    traceHash,
    ...(violations.length === 0 ? {} : { failure }),
  };
}
