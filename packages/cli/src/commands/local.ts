/**
 * A whole cluster on this machine, in the foreground: what scripts/start runs.
 *
 * The first start makes the ports, the cluster secret, the cluster and its first key, and records
 * them in the data folder; every later start finds them there, with all records.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { sleep, StreamError } from "@millrace/base";
import { formCluster, nodePorts } from "@millrace/client";

import type { ClusterFile } from "../cluster-file.ts";
import { environmentLines, readClusterFile, writeClusterFile } from "../cluster-file.ts";
import type { LocalOptions } from "../local/plan.ts";
import { planNodes, processOf, requireFreePorts, rpcEndpoints } from "../local/plan.ts";
import { RESTART_DELAY_MS, Supervisor } from "../local/supervisor.ts";
import { bold, remark, write } from "../output.ts";

const READY_DEADLINE_MS = 120_000;
const STOP_GRACE_MS = 15_000;
const POLL_MS = 50;

export interface LocalCommandOptions extends LocalOptions {
  readonly restart: boolean;
  readonly account: string;
  readonly region: string;
}

/** Runs until `signal` aborts. @throws StreamError when the cluster cannot start; its processes are stopped then. */
export async function runLocal(options: LocalCommandOptions, signal: AbortSignal): Promise<void> {
  if (options.nodes !== 1 && options.nodes % 2 === 0) {
    throw new StreamError(
      "invalid-argument",
      `--nodes is ${options.nodes}, but must be 1, 3, 5 or 7`,
    );
  }
  mkdirSync(join(options.dataDir, "logs"), { recursive: true, mode: 0o700 });
  const recorded = readClusterFile(options.dataDir);
  const nodes =
    recorded === undefined ? await planNodes(options) : recordedNodes(recorded, options);
  await requireFreePorts(nodes);
  const supervisor = new Supervisor({ restart: options.restart, events: tell(options.dataDir) });
  try {
    for (const node of nodes) supervisor.start(processOf(node, { nodes }, options));
    const cluster = recorded ?? (await form(nodes, options, signal));
    const current = { ...cluster, nodes, awsEndpoint: awsEndpoint(options.awsPort) };
    writeClusterFile(options.dataDir, current);
    await untilReady(nodes, signal);
    announce(current, options);
    await new Promise<void>((stopped) => {
      if (signal.aborted) stopped();
      else signal.addEventListener("abort", () => stopped(), { once: true });
    });
    remark("stopping: leaders are handed over, then every process exits...");
  } finally {
    await supervisor.stop(STOP_GRACE_MS);
  }
}

function awsEndpoint(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function recordedNodes(recorded: ClusterFile, options: LocalCommandOptions) {
  const voters = recorded.nodes.filter((node) => node.roles.includes("coordinator")).length;
  if (voters !== options.nodes) {
    throw new StreamError(
      "invalid-argument",
      `${options.dataDir} holds a cluster of ${voters} node(s), not ${options.nodes}: start it with --nodes ${voters}, or use another --data folder`,
    );
  }
  if (recorded.limits !== options.limits) {
    remark(`limits stay "${recorded.limits}", as this cluster was formed`);
  }
  return recorded.nodes.map((node) =>
    node.ports.aws === undefined
      ? node
      : { ...node, ports: { ...node.ports, aws: options.awsPort } },
  );
}

async function form(
  nodes: ClusterFile["nodes"],
  options: LocalCommandOptions,
  signal: AbortSignal,
): Promise<ClusterFile> {
  const voters = nodes.filter((node) => node.roles.includes("coordinator"));
  remark(
    `starting ${voters.length} node(s) and a gateway; logs are in ${join(options.dataDir, "logs")}`,
  );
  await until(
    `node ${voters.map((node) => node.nodeId).join(", ")} to answer`,
    signal,
    async () => {
      const answers = await Promise.all(
        voters.map((node) => answers200(node.ports.admin, "/health/live")),
      );
      return answers.every(Boolean);
    },
  );
  const formed = await formCluster({
    voters: voters.map(({ nodeId, ports }) => ({
      nodeId,
      rpc: `127.0.0.1:${ports.rpc}`,
      data: `127.0.0.1:${ports.data}`,
      admin: `127.0.0.1:${ports.admin}`,
    })),
    account: options.account,
    region: options.region,
    limits: options.limits,
    clusterSecretFile: resolve(options.dataDir, "cluster.secret"),
  });
  return {
    formatVersion: 1,
    ...formed,
    account: options.account,
    region: options.region,
    endpoints: rpcEndpoints(nodes),
    awsEndpoint: awsEndpoint(options.awsPort),
    limits: options.limits,
    nodes,
  };
}

/** Ready means: every process says so, which for a gateway includes a leader of the metadata group. */
async function untilReady(nodes: ClusterFile["nodes"], signal: AbortSignal): Promise<void> {
  await until("the cluster to accept writes", signal, async () => {
    const answers = await Promise.all(
      nodes.map((node) => answers200(node.ports.admin, "/health/ready")),
    );
    return answers.every(Boolean);
  });
}

async function until(
  what: string,
  signal: AbortSignal,
  check: () => Promise<boolean>,
): Promise<void> {
  const { clock } = nodePorts();
  const started = clock.monotonicMs();
  let told = started;
  while (!(await check())) {
    if (signal.aborted) throw new StreamError("cancelled", "stopped before the cluster was ready");
    const now = clock.monotonicMs();
    if (now - started > READY_DEADLINE_MS) {
      throw new StreamError(
        "deadline",
        `waited two minutes for ${what}: see the logs of the processes`,
      );
    }
    if (now - told > 5000) {
      told = now;
      remark(`still waiting for ${what} (${Math.round((now - started) / 1000)} s)`);
    }
    await sleep(clock, POLL_MS);
  }
}

async function answers200(port: number, path: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal: AbortSignal.timeout(2000),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false; // not listening yet, which is what is being waited for
  }
}

function announce(cluster: ClusterFile, options: LocalCommandOptions): void {
  write(bold(`Millrace is ready: ${cluster.awsEndpoint}`));
  write(environmentLines(cluster).join("\n"));
  remark(`records are in ${options.dataDir}; Ctrl-C stops the cluster and keeps them`);
}

function tell(dataDir: string) {
  return {
    started: (name: string, pid: number) => remark(`${name} started, pid ${pid}`),
    ended: (name: string, how: string, restarting: boolean) => {
      const next = restarting ? `; starting it again in ${RESTART_DELAY_MS / 1000} s` : "";
      remark(`${name} ended by ${how}${next} (log: ${join(dataDir, "logs", `${name}.log`)})`);
    },
  };
}
