/** The heap after a full collection, and what a piece of work allocates. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { median } from "../measure.ts";

/** A full collection; asked for by a flag at run time, so that no option of `node` is needed. */
const collect: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

/** Bytes that are reachable now. */
export function liveBytes(): number {
  // Twice: what the first collection finalizes, the second one frees.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * Bytes that one call of `work` allocates: the median over `batches` of `callsPerBatch` calls each.
 *
 * A collection in the middle of a batch would hide what it frees. So a batch must stay below the
 * megabyte that the young generation starts with; the caller chooses `callsPerBatch` for that.
 */
export function allocatedBytes(work: () => void, batches: number, callsPerBatch: number): number {
  const samples: number[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let call = 0; call < callsPerBatch; call += 1) work();
    samples.push((process.memoryUsage().heapUsed - before) / callsPerBatch);
  }
  return median(samples);
}
