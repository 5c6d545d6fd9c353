/**
 * Metrics as the packages see them: handles made once at start, then plain method calls, so that
 * counting costs no look-up on the hot path. Names follow Prometheus: `millrace_<what>_<unit>[_total]`.
 */
export interface Counter {
  add(value?: number): void;
}
export interface Gauge {
  set(value: number): void;
}
export interface Histogram {
  observe(value: number): void;
}
export type MetricLabels = Readonly<Record<string, string>>;

export interface Metrics {
  counter(name: string, help: string, labels?: MetricLabels): Counter;
  gauge(name: string, help: string, labels?: MetricLabels): Gauge;
  /** `buckets` are upper bounds, ascending, in the metric's unit. */
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: MetricLabels,
  ): Histogram;
}

const nothing = { add() {}, set() {}, observe() {} };

/** Counts nothing: for tests and command-line programs. */
export const NO_METRICS: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
};
