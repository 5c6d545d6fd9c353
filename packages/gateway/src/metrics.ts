/** What the gateway counts. Handles are made once per label, so that serving a request looks nothing up twice. */
import type { Counter, Histogram, Metrics } from "@millrace/base";

const LATENCY_BUCKETS_SEC = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

interface OperationHandles {
  readonly latency: Histogram;
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
  readonly byStatus: Map<number, Counter>;
}

export class GatewayMetrics {
  readonly #metrics: Metrics;
  readonly #operations = new Map<string, OperationHandles>();
  readonly #inFlight;
  readonly #refused = new Map<string, Counter>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#inFlight = metrics.gauge(
      "millrace_gateway_requests_in_flight",
      "Requests that are being served",
    );
  }

  inFlight(count: number): void {
    this.#inFlight.set(count);
  }

  /** @param operation One of the API's names or `unknown`, so that the labels stay few. */
  served(
    operation: string,
    status: number,
    latencySec: number,
    bytes: { readonly in: number; readonly out: number },
  ): void {
    const handles = this.#handlesOf(operation);
    handles.latency.observe(latencySec);
    handles.bytesIn.add(bytes.in);
    handles.bytesOut.add(bytes.out);
    this.#statusOf(operation, handles, status).add(1);
  }

  refused(reason: string): void {
    let counter = this.#refused.get(reason);
    if (counter === undefined) {
      counter = this.#metrics.counter(
        "millrace_gateway_refused_total",
        "Requests refused before they were read: too-large, no-room",
        { reason },
      );
      this.#refused.set(reason, counter);
    }
    counter.add(1);
  }

  #handlesOf(operation: string): OperationHandles {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const labels = { operation };
    const handles = {
      latency: this.#metrics.histogram(
        "millrace_gateway_request_seconds",
        "Time from the request's headers to its answer",
        LATENCY_BUCKETS_SEC,
        labels,
      ),
      bytesIn: this.#metrics.counter(
        "millrace_gateway_request_bytes_total",
        "Bytes of request bodies",
        labels,
      ),
      bytesOut: this.#metrics.counter(
        "millrace_gateway_response_bytes_total",
        "Bytes of answers",
        labels,
      ),
      byStatus: new Map<number, Counter>(),
    };
    this.#operations.set(operation, handles);
    return handles;
  }

  #statusOf(operation: string, { byStatus }: OperationHandles, status: number): Counter {
    const known = byStatus.get(status);
    if (known !== undefined) return known;
    const counter = this.#metrics.counter(
      "millrace_gateway_requests_total",
      "Requests answered, by operation and HTTP status",
      { operation, status: String(status) },
    );
    byStatus.set(status, counter);
    return counter;
  }
}
