/** One entry of the list that `scripts/faults` runs. */
import type { FaultReport } from "../support/report.ts";

export interface Scenario {
  /** Word of the command line; reports carry the same. */
  readonly name: string;
  /** What is hit, in a few words. */
  readonly what: string;
  /** Of the whole proof. */
  readonly rounds: number;
  readonly run: (rounds: number) => Promise<FaultReport>;
}
