/** Handles of the broker's metrics, made once, for all shards together: a label per shard would be a series per shard. */
import type { Counter, Gauge, Histogram, Metrics } from "@millrace/base";

const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export interface BrokerMetrics {
  readonly recordsIn: Counter;
  readonly bytesIn: Counter;
  readonly recordsOut: Counter;
  readonly bytesOut: Counter;
  readonly throttledWrites: Counter;
  readonly throttledReads: Counter;
  readonly duplicates: Counter;
  readonly batchesPerEntry: Histogram;
  readonly appendSeconds: Histogram;
  readonly trimmedRecords: Counter;
  readonly refusedEntries: Counter;
  readonly unknownReplicas: Gauge;
}

export function brokerMetrics(metrics: Metrics): BrokerMetrics {
  const count = (name: string, help: string) => metrics.counter(`millrace_broker_${name}`, help);
  return {
    recordsIn: count("records_in_total", "Records acknowledged."),
    bytesIn: count("bytes_in_total", "Data and partition keys acknowledged."),
    recordsOut: count("records_out_total", "Records sent to readers."),
    bytesOut: count("bytes_out_total", "Data and partition keys sent to readers."),
    throttledWrites: count("throttled_writes_total", "Batches refused by a shard's write limit."),
    throttledReads: count("throttled_reads_total", "Calls refused by a shard's read limits."),
    duplicates: count("duplicates_total", "Retried batches answered from the dedup table."),
    refusedEntries: count(
      "refused_entries_total",
      "Log entries found behind a shard's seal and left out of the shard; each is a bug.",
    ),
    unknownReplicas: metrics.gauge(
      "millrace_broker_unknown_replicas",
      "Replicas here that metadata names nowhere; they are kept until somebody looks.",
    ),
    trimmedRecords: count("trimmed_records_total", "Records dropped by retention."),
    batchesPerEntry: metrics.histogram(
      "millrace_broker_batches_per_entry",
      "Batches joined into one log entry.",
      BATCH_BUCKETS,
    ),
    appendSeconds: metrics.histogram(
      "millrace_broker_append_seconds",
      "From a batch's arrival at the leader to its answer.",
      LATENCY_BUCKETS_S,
    ),
  };
}
