/**
 * The faults that a failure needs, of all that came: halves, then quarters, are left out as long as
 * the run still breaks the same rule.
 *
 * Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002 (ddmin).
 */
import type { Fault } from "../faults/fault.ts";

export interface ShrinkDeps {
  /** Whether a run with these faults breaks the same rule. */
  readonly breaks: (faults: readonly Fault[]) => Promise<boolean>;
  /** Whether there is time for another run. */
  readonly hasTime: () => boolean;
  /** Candidates tried at one time. */
  readonly atOnce: number;
  readonly progress: (left: number, tried: number) => void;
}

/** @returns A list that breaks the rule, and from which no single tried part could be left out. */
export async function shrink(
  faults: readonly Fault[],
  deps: ShrinkDeps,
): Promise<readonly Fault[]> {
  const { breaks, hasTime, atOnce, progress } = deps;
  let best = faults;
  let tried = 0;
  for (let parts = 2; best.length > 0 && hasTime();) {
    const size = Math.ceil(best.length / parts);
    const starts = Array.from({ length: Math.ceil(best.length / size) }, (_, at) => at * size);
    let smaller: readonly Fault[] | undefined;
    for (let at = 0; at < starts.length && smaller === undefined && hasTime(); at += atOnce) {
      const candidates = starts.slice(at, at + atOnce).map((from) => {
        return [...best.slice(0, from), ...best.slice(from + size)];
      });
      tried += candidates.length;
      const outcomes = await Promise.all(candidates.map(breaks));
      smaller = candidates.find((_, index) => outcomes[index] === true);
    }
    if (smaller !== undefined) {
      best = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size <= 1) break;
    else parts = Math.min(best.length, parts * 2);
    progress(best.length, tried);
  }
  return best;
}

/** The rule of a violation: the words before its first colon. */
export function ruleOf(violation: string): string {
  return violation.split(":", 1)[0] ?? "";
}
