/** Binds the Metrics port to prom-client; the handles are looked up once, at start. */
import type { Counter, Gauge, Histogram, MetricLabels, Metrics } from "@millrace/base";
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from "prom-client";

export interface PrometheusMetrics extends Metrics {
  /** A counter that somebody else keeps, read when /metrics is asked for. */
  observedCounter(name: string, help: string, read: () => number): void;
  /** The text of /metrics. */
  expose(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(): PrometheusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const known = new Map<string, unknown>();
  const metric = <Kind>(name: string, make: () => Kind): Kind => {
    const made = (known.get(name) as Kind | undefined) ?? make();
    known.set(name, made);
    return made;
  };
  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    observedCounter(name, help, read) {
      const collect = function (this: PromCounter) {
        this.reset();
        this.inc(read());
      };
      metric(name, () => new PromCounter({ name, help, registers: [registry], collect }));
    },
    counter(name, help, labels = {}): Counter {
      const labelNames = Object.keys(labels);
      const one = metric(
        name,
        () => new PromCounter({ name, help, labelNames, registers: [registry] }),
      );
      const child = one.labels(labels as Record<string, string>);
      child.inc(0);
      return { add: (value = 1) => child.inc(value) };
    },
    gauge(name, help, labels = {}): Gauge {
      const labelNames = Object.keys(labels);
      const one = metric(
        name,
        () => new PromGauge({ name, help, labelNames, registers: [registry] }),
      );
      return one.labels(labels as Record<string, string>);
    },
    histogram(name, help, buckets, labels: MetricLabels = {}): Histogram {
      const labelNames = Object.keys(labels);
      const options = { name, help, labelNames, buckets: [...buckets], registers: [registry] };
      const one = metric(name, () => new PromHistogram(options));
      return one.labels(labels as Record<string, string>);
    },
  };
}
