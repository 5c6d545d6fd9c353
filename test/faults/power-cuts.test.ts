/**
 * Power cuts: processes that are killed on a disk that loses what they had not synced (reference D.1:
 * acknowledged data of another system was lost by one power cut): no acknowledged record is lost (S1),
 * none is invented (S4), order per key holds (S3), and a vote given is a vote kept (S7).
 */
import { describe, expect, it } from "vitest";

import { SeededRandom } from "@millrace/base/testing";

import { pause } from "../e2e/support/waiting.ts";
import { NODES, p99, prove } from "./support/chaos.ts";

const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_125);
const WRITES_MS = Number(process.env["MILLRACE_PAUSE_WRITES_MS"] ?? 5000);
const set = { "test-power-cuts": "true" };
const random = new SeededRandom(SEED);

describe("power cuts under load", () => {
  it("lose nothing acknowledged when all nodes go dark at once", async () => {
    const report = await prove({
      name: "power-cut-of-all",
      rounds: 3,
      set,
      fault: async ({ cluster }) => {
        await pause(200 + random.uniform(1000));
        for (const name of NODES) cluster.kill(name);
      },
    });
    console.log(`resumed at p99 within ${p99(report.resumeMs)} ms`);
    expect(report.problems).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(report.rounds * 100);
  });

  // Jepsen's scenario: a paused minority comes back with an old log just as another node loses power.
  it("lose nothing acknowledged when one goes dark while another has just woken", async () => {
    const report = await prove({
      name: "pause-then-power-cut",
      rounds: 2,
      set,
      fault: async ({ cluster, workload, round }) => {
        const asleep = NODES[random.uniform(3)] ?? "node-1";
        const others = NODES.filter((name) => name !== asleep);
        const dark = others[random.uniform(2)] ?? "node-1";
        cluster.kill(asleep, "SIGSTOP");
        const before = workload.acknowledged;
        await pause(WRITES_MS);
        const written = workload.acknowledged - before;
        cluster.kill(asleep, "SIGCONT");
        await pause(random.uniform(300));
        cluster.kill(dark);
        console.log(
          `round ${round}: ${asleep} slept through ${written} records, ${dark} went dark`,
        );
      },
    });
    expect(report.problems).toEqual([]);
  });
});
