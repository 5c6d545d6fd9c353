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

import type { ClusterFile, LocalNode } from "../cluster-file.ts";
import {
  DEFAULT_LIMITS,
  environmentLines,
  readClusterFile,
  writeClusterFile,
} from "../cluster-file.ts";
import { lastWords } from "../local/last-words.ts";
import { requireNoOwner } from "../local/owner.ts";
import type { LocalOptions } from "../local/plan.ts";
import {
  planNodes,
  processName,
  processOf,
  requireFreePorts,
  rpcEndpoints,
} from "../local/plan.ts";
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
  requireNoOwner(options.dataDir, nodes);
  await requireFreePorts(nodes);
  const deaths = new Map<string, string>();
  const supervisor = new Supervisor({
    restart: options.restart,
    events: tell(options.dataDir, deaths),
  });
  // A second Ctrl-C, or an error that nobody caught: the nodes must not stay behind unwatched.
  const onExit = () => supervisor.kill();
  process.once("exit", onExit);
  try {
    for (const node of nodes) supervisor.start(processOf(node, { nodes }, options));
    const check = () => requireAlive(deaths, nodes, recorded !== undefined);
    const cluster = recorded ?? (await form(nodes, options, signal, check));
    const current = { ...cluster, nodes, awsEndpoint: awsEndpoint(options.awsPort) };
    writeClusterFile(options.dataDir, current);
    await untilReady(nodes, signal, deaths, check);
    announce(current, options);
    await new Promise<void>((stopped) => {
      if (signal.aborted) stopped();
      else signal.addEventListener("abort", () => stopped(), { once: true });
    });
    remark(
      "stopping: leaders are handed over, then every process exits; Ctrl-C again ends them at once",
    );
  } finally {
    await supervisor.stop(STOP_GRACE_MS);
    process.off("exit", onExit);
  }
}

/**
 * A process that dies while the cluster starts will die again: its reason is told at once. A cluster
 * that exists can do without a minority of its nodes, a damaged one for instance.
 *
 * @throws StreamError `unavailable` with the last words of those that died.
 */
export function requireAlive(
  deaths: ReadonlyMap<string, string>,
  nodes: readonly LocalNode[],
  isFormed: boolean,
): void {
  const voters = nodes.filter((node) => node.roles.includes("coordinator")).map(processName);
  const dead = voters.filter((name) => deaths.has(name)).length;
  const canGoOn = isFormed && !deaths.has("gateway") && dead < voters.length / 2;
  if (deaths.size === 0 || canGoOn) return;
  const reasons = [...deaths].map(([name, reason]) => `${name}: ${reason}`);
  throw new StreamError("unavailable", `the cluster cannot start\n${reasons.join("\n")}`);
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
  if (options.limits !== undefined && recorded.limits !== options.limits) {
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
  checkAlive: () => void,
): Promise<ClusterFile> {
  const voters = nodes.filter((node) => node.roles.includes("coordinator"));
  remark(
    `starting ${voters.length} node(s) and a gateway; logs are in ${join(options.dataDir, "logs")}`,
  );
  await until(
    `node ${voters.map((node) => node.nodeId).join(", ")} to answer`,
    signal,
    async () => {
      checkAlive();
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
    limits: options.limits ?? DEFAULT_LIMITS,
    clusterSecretFile: resolve(options.dataDir, "cluster.secret"),
  });
  return {
    formatVersion: 1,
    ...formed,
    account: options.account,
    region: options.region,
    endpoints: rpcEndpoints(nodes),
    awsEndpoint: awsEndpoint(options.awsPort),
    limits: options.limits ?? DEFAULT_LIMITS,
    nodes,
  };
}

/**
 * Ready means: every process says so that did not die, which for a gateway includes a leader of the
 * metadata group.
 */
async function untilReady(
  nodes: ClusterFile["nodes"],
  signal: AbortSignal,
  deaths: ReadonlyMap<string, string>,
  checkAlive: () => void,
): Promise<void> {
  await until("the cluster to accept writes", signal, async () => {
    checkAlive();
    const answers = await Promise.all(
      nodes.map(
        async (node) =>
          deaths.has(processName(node)) || (await answers200(node.ports.admin, "/health/ready")),
      ),
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

function tell(dataDir: string, deaths: Map<string, string>) {
  return {
    started: (name: string, pid: number) => remark(`${name} started, pid ${pid}`),
    ended: (name: string, how: string, restarting: boolean) => {
      const logFile = join(dataDir, "logs", `${name}.log`);
      const words = lastWords(logFile);
      deaths.set(name, words === "" ? `${how}, see ${logFile}` : words);
      const next = restarting ? `; starting it again in ${RESTART_DELAY_MS / 1000} s` : "";
      const reason = words === "" || how.startsWith("signal") ? "" : `: ${words}`;
      remark(`${name} ended by ${how}${reason}${next} (log: ${logFile})`);
    },
  };
}
