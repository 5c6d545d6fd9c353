/**
 * One node with every role in this process, formed by itself: for trying things out. It is the same
 * code as a cluster, with one voter, so an acknowledged record is as durable as this disk.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { StreamError } from "@millrace/base";
import { formCluster } from "@millrace/client";
import { readSettings, runNode } from "@millrace/server";
import type { RunningNode } from "@millrace/server";

import type { ClusterFile } from "../cluster-file.ts";
import {
  DEFAULT_LIMITS,
  environmentLines,
  readClusterFile,
  writeClusterFile,
} from "../cluster-file.ts";
import { freePorts } from "../local/ports.ts";
import { bold, remark, write } from "../output.ts";

const DEV_WAL_FILE_BYTES = 16 * 1024 * 1024;

export interface DevOptions {
  readonly dataDir: string;
  readonly awsPort: number;
  /** Undefined keeps those of a cluster that exists, and takes AWS's for a new one. */
  readonly limits: string | undefined;
  readonly account: string;
  readonly region: string;
}

export async function runDev(options: DevOptions, signal: AbortSignal): Promise<void> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const recorded = recordOf(options);
  const ports = recorded?.nodes[0]?.ports ?? (await choosePorts(options.awsPort));
  const secretFile = resolve(options.dataDir, "cluster.secret");
  const flags = {
    nodeId: 1,
    dataDir: join(options.dataDir, "node-1"),
    rpcPort: ports.rpc,
    dataPort: ports.data,
    adminPort: ports.admin,
    awsPort: options.awsPort,
    join: `127.0.0.1:${ports.rpc}`,
    clusterSecretFile: secretFile,
    walFileBytes: DEV_WAL_FILE_BYTES,
    logLevel: "warn",
  };
  const node = await runNode(readSettings({ flags, environment: {}, file: undefined }));
  try {
    const cluster = await formedOrRecorded(recorded, options, ports, secretFile);
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const isReady = await Promise.race([node.ready().then(() => true), stopped.then(() => false)]);
    if (isReady) announce(cluster, options, node);
    const failure = await Promise.race([stopped, node.failed]);
    if (failure !== undefined) throw failure;
  } finally {
    await node.stop();
  }
}

/** @throws StreamError `invalid-argument` for the folder of a larger cluster. */
function recordOf(options: DevOptions): ClusterFile | undefined {
  const recorded = readClusterFile(options.dataDir);
  if (recorded === undefined) return undefined;
  const voters = recorded.nodes.filter((node) => node.roles.includes("coordinator")).length;
  const [only] = recorded.nodes;
  if (voters === 1 && only?.roles.includes("gateway") === true) {
    if (options.limits !== undefined && options.limits !== recorded.limits) {
      remark(`limits stay "${recorded.limits}", as this cluster was formed`);
    }
    return recorded;
  }
  throw new StreamError(
    "invalid-argument",
    `${options.dataDir} holds a cluster of ${voters} node(s) made by scripts/start: start it with that, or use another --data folder`,
  );
}

async function formedOrRecorded(
  recorded: ClusterFile | undefined,
  options: DevOptions,
  ports: Parameters<typeof form>[1],
  secretFile: string,
): Promise<ClusterFile> {
  if (recorded === undefined) return form(options, ports, secretFile);
  const awsEndpoint = `http://127.0.0.1:${options.awsPort}`;
  const current = { ...recorded, awsEndpoint };
  if (recorded.awsEndpoint !== awsEndpoint) writeClusterFile(options.dataDir, current);
  return current;
}

async function choosePorts(aws: number) {
  const [rpc = 0, data = 0, admin = 0] = await freePorts(3, new Set([aws]));
  return { rpc, data, admin, aws };
}

async function form(
  options: DevOptions,
  ports: { readonly rpc: number; readonly data: number; readonly admin: number },
  clusterSecretFile: string,
): Promise<ClusterFile> {
  const voter = {
    nodeId: 1,
    rpc: `127.0.0.1:${ports.rpc}`,
    data: `127.0.0.1:${ports.data}`,
    admin: `127.0.0.1:${ports.admin}`,
  };
  const { account, region, limits = DEFAULT_LIMITS } = options;
  const formed = await formCluster({ voters: [voter], account, region, limits, clusterSecretFile });
  const cluster: ClusterFile = {
    formatVersion: 1,
    ...formed,
    account,
    region,
    limits,
    endpoints: [voter.rpc],
    awsEndpoint: `http://127.0.0.1:${options.awsPort}`,
    nodes: [
      {
        nodeId: 1,
        roles: ["coordinator", "broker", "gateway"],
        dataDir: join(options.dataDir, "node-1"),
        ports: { ...ports, aws: options.awsPort },
      },
    ],
  };
  writeClusterFile(options.dataDir, cluster);
  return cluster;
}

function announce(cluster: ClusterFile, options: DevOptions, node: RunningNode): void {
  write(bold(`Millrace is ready: http://127.0.0.1:${options.awsPort}`));
  write(environmentLines(cluster).join("\n"));
  remark(`one node, pid ${process.pid}, admin port ${node.ports.admin}; Ctrl-C stops it`);
}
