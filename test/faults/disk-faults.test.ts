/**
 * Disks that fail, fill up and stall under a node that others depend on (architecture: an error of a
 * sync is never retried; a full disk refuses puts and goes on reading; a stalled disk leads nothing). Nothing acknowledged is lost (S1).
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import type { LocalCluster } from "@millrace/bench";

import { kinesis, readStream } from "../e2e/support/kinesis.ts";
import { pause, until } from "../e2e/support/waiting.ts";
import { NODES, prove } from "./support/chaos.ts";

const set = { "test-power-cuts": "true", "test-disk-switches": "true" };
const LEADERLESS_MS_MAX = 4000;
/** Default of the setting putDeadlineMs. */
const PUT_DEADLINE_MS = 5000;

async function dataDirOf(cluster: LocalCluster, name: string): Promise<string> {
  const { nodes } = await cluster.status();
  const node = nodes.find(({ id }) => `node-${id}` === name);
  if (node === undefined) throw new Error(`${name} is not in the status`);
  return node.dataDir;
}

/** Turns a fault on; the answer turns it off. */
function breakDisk(dataDir: string, fault: "stall" | "eio" | "low" | "full"): () => void {
  const folder = join(dataDir, "switches");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, fault), "");
  return () => rmSync(join(folder, fault));
}

const nodeOf = (round: number) => NODES[round % NODES.length] ?? "node-1";

async function breakAll(cluster: LocalCluster, fault: "low" | "full") {
  const folders = await Promise.all(NODES.map((name) => dataDirOf(cluster, name)));
  return folders.map((folder) => breakDisk(folder, fault));
}

async function leads(cluster: LocalCluster, name: string): Promise<number> {
  const { shards } = await cluster.status();
  return shards.filter(({ leader }) => `node-${leader}` === name).length;
}

describe("disks that fail under load", () => {
  it("end the node whose sync failed, and lose nothing", async () => {
    const report = await prove({
      name: "disk-eio",
      rounds: 3,
      set,
      fault: async ({ cluster, round }) => {
        const victim = nodeOf(round);
        const before = cluster.pid(victim);
        const mend = breakDisk(await dataDirOf(cluster, victim), "eio");
        await until(`${victim} ends and is started again`, 20_000, () => {
          return cluster.pid(victim) !== before;
        });
        mend();
      },
    });
    expect(report.problems).toEqual([]);
  });

  it("move leadership away from a disk that stalls, and lose nothing", async () => {
    const report = await prove({
      name: "disk-stall",
      rounds: 3,
      set,
      fault: async ({ cluster, workload, round }) => {
        const victim = nodeOf(round);
        await until(`${victim} leads`, 90_000, async () => (await leads(cluster, victim)) > 0);
        const mend = breakDisk(await dataDirOf(cluster, victim), "stall");
        const startedMs = performance.now();
        try {
          const movedMs = await until(`leaders of ${victim} moved`, LEADERLESS_MS_MAX, async () => {
            return (await leads(cluster, victim)) === 0;
          });
          console.log(`round ${round}: leadership left ${victim} within ${movedMs} ms`);
          const before = workload.acknowledged;
          await until("writes on the others", 5000, () => workload.acknowledged > before + 100);
          await pause(Math.max(0, 5000 - (performance.now() - startedMs)));
        } finally {
          mend();
        }
      },
    });
    expect(report.problems).toEqual([]);
  });

  it("refuse puts while space is low, serve reads, and go on when it is freed", async () => {
    const report = await prove({
      name: "disk-low",
      rounds: 2,
      set,
      fault: async ({ cluster, workload, streamName }) => {
        const pids = NODES.map((name) => cluster.pid(name));
        const mends = await breakAll(cluster, "low");
        await pause(PUT_DEADLINE_MS + 1000); // puts that were accepted before may still be answered
        const before = workload.acknowledged;
        const client = kinesis(cluster);
        const read = await readStream(client, streamName);
        client.destroy();
        await pause(2000);
        const during = workload.acknowledged - before;
        for (const mend of mends) mend();
        expect({ during, enough: read.length >= before }).toEqual({ during: 0, enough: true });
        expect(NODES.map((name) => cluster.pid(name))).toEqual(pids);
      },
    });
    expect(report.problems).toEqual([]);
  });

  it("end the nodes when writes find no space, and lose nothing once it is freed", async () => {
    const report = await prove({
      name: "disk-full",
      rounds: 2,
      set,
      fault: async ({ cluster, workload }) => {
        const mends = await breakAll(cluster, "full");
        await pause(PUT_DEADLINE_MS + 1000);
        const before = workload.acknowledged;
        await pause(2000);
        const during = workload.acknowledged - before;
        for (const mend of mends) mend();
        expect(during).toBe(0);
      },
    });
    expect(report.problems).toEqual([]);
  });
});
