import type { MetricLabels, Metrics } from "@millrace/base";
import { expect, it } from "vitest";

import { GatewayMetrics } from "./metrics.ts";

/** Keeps every count under its name and labels. */
function recorder() {
  const counts = new Map<string, number>();
  const made: string[] = [];
  const handle = (name: string, labels: MetricLabels = {}) => {
    const key = [name, ...Object.values(labels)].join(" ");
    made.push(key);
    const add = (value = 1) => void counts.set(key, (counts.get(key) ?? 0) + value);
    return { add, set: (value: number) => void counts.set(key, value), observe: add };
  };
  const metrics: Metrics = {
    counter: (name, _, labels) => handle(name, labels),
    gauge: (name, _, labels) => handle(name, labels),
    histogram: (name, _help, _buckets, labels) => handle(name, labels),
  };
  return { counts, made, metrics };
}

it("counts requests by operation and status, with one handle for each", () => {
  const { counts, made, metrics } = recorder();
  const gateway = new GatewayMetrics(metrics);
  gateway.inFlight(2);
  gateway.served("PutRecord", 200, 0.5, { in: 10, out: 20 });
  gateway.served("PutRecord", 200, 0.25, { in: 1, out: 2 });
  gateway.served("PutRecord", 503, 0.25, { in: 1, out: 2 });
  gateway.refused("too-large");
  gateway.refused("too-large");
  expect(Object.fromEntries(counts)).toEqual({
    millrace_gateway_requests_in_flight: 2,
    "millrace_gateway_request_seconds PutRecord": 1,
    "millrace_gateway_request_bytes_total PutRecord": 12,
    "millrace_gateway_response_bytes_total PutRecord": 24,
    "millrace_gateway_requests_total PutRecord 200": 2,
    "millrace_gateway_requests_total PutRecord 503": 1,
    "millrace_gateway_refused_total too-large": 2,
  });
  expect(made.length).toBe(new Set(made).size);
});
