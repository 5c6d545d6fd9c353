/** Runs a bounded load with a fixed number of calls under way, and says what it reached. */
import { build } from "hdr-histogram-js";

export interface Load {
  /** One call; resolves with the records it stored. */
  readonly call: (worker: number) => Promise<number>;
  readonly workers: number;
  readonly seconds: number;
  readonly recordBytes: number;
}

export interface Measured {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly megabytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly calls: number;
}

export async function measure(load: Load): Promise<Measured> {
  const histogram = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const started = performance.now();
  const until = started + load.seconds * 1000;
  let records = 0;
  let calls = 0;
  const work = async (worker: number) => {
    while (performance.now() < until) {
      const before = performance.now();
      const stored = await load.call(worker);
      records += stored; // not in one step: others add to it while this call is under way
      histogram.recordValue(Math.round((performance.now() - before) * 1000));
      calls++;
    }
  };
  await Promise.all(Array.from({ length: load.workers }, (_, worker) => work(worker)));
  const seconds = (performance.now() - started) / 1000;
  const megabytes = (records * load.recordBytes) / 1e6;
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  return {
    recordsPerSecond: records / seconds,
    megabytesPerSecond: megabytes / seconds,
    megabytes,
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    calls,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
