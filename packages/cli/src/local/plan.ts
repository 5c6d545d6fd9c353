/** Which processes a local cluster consists of, and with which arguments each is started. */
import { join, resolve } from "node:path";

import { StreamError } from "@millrace/base";

import type { ClusterFile, LocalNode } from "../cluster-file.ts";
import { freePorts, isFree } from "./ports.ts";
import type { SupervisedProcess } from "./supervisor.ts";

export const GATEWAY_NODE_ID = 101;
/** Small files keep a laptop's disk free; production takes the default of 256 MiB. */
const LOCAL_WAL_FILE_BYTES = 64 * 1024 * 1024;
/** Three nodes share one machine's memory with everything else on it. */
const LOCAL_TAIL_CACHE_BYTES = 64 * 1024 * 1024;

export interface LocalOptions {
  readonly nodes: number;
  readonly dataDir: string;
  readonly awsPort: number;
  /** Undefined keeps those of a cluster that exists, and takes AWS's for a new one. */
  readonly limits: string | undefined;
  /** Further settings for every process, by flag name without dashes. */
  readonly extra: Readonly<Record<string, string>>;
}

/** Nodes 1..n (coordinator and broker) and one gateway, each with ports of its own. */
export async function planNodes(options: LocalOptions): Promise<readonly LocalNode[]> {
  const taken = new Set([options.awsPort]);
  const ports = await freePorts(options.nodes * 3 + 2, taken);
  const nodes = Array.from({ length: options.nodes }, (_, index) => {
    const nodeId = index + 1;
    const [rpc = 0, data = 0, admin = 0] = ports.slice(index * 3, index * 3 + 3);
    const dataDir = join(options.dataDir, `node-${nodeId}`);
    return { nodeId, roles: ["coordinator", "broker"], dataDir, ports: { rpc, data, admin } };
  });
  const [rpc = 0, admin = 0] = ports.slice(options.nodes * 3);
  const gateway: LocalNode = {
    nodeId: GATEWAY_NODE_ID,
    roles: ["gateway"],
    dataDir: join(options.dataDir, "gateway"),
    ports: { rpc, data: 0, admin, aws: options.awsPort },
  };
  return [...nodes, gateway];
}

/** @throws StreamError `unavailable` that names the port in the way and what to do. */
export async function requireFreePorts(nodes: readonly LocalNode[]): Promise<void> {
  for (const node of nodes) {
    for (const [name, port] of Object.entries(node.ports)) {
      if (port === 0 || (await isFree(port))) continue;
      throw new StreamError(
        "unavailable",
        `port ${port} (${name} of node ${node.nodeId}) is in use: stop the program that has it` +
          (name === "aws"
            ? ", or choose another with --port"
            : ", or start with another --data folder"),
      );
    }
  }
}

export function rpcEndpoints(nodes: readonly LocalNode[]): readonly string[] {
  return nodes
    .filter((node) => node.roles.includes("coordinator"))
    .map((node) => `127.0.0.1:${node.ports.rpc}`);
}

export function processName(node: LocalNode): string {
  return node.roles.includes("coordinator") ? `node-${node.nodeId}` : "gateway";
}

export function processOf(
  node: LocalNode,
  cluster: Pick<ClusterFile, "nodes">,
  options: LocalOptions,
): SupervisedProcess {
  const settings: Record<string, string> = {
    "node-id": String(node.nodeId),
    roles: node.roles.join(","),
    "data-dir": node.dataDir,
    host: `local-${node.nodeId}`,
    "rpc-port": String(node.ports.rpc),
    "data-port": String(node.ports.data),
    "admin-port": String(node.ports.admin),
    join: rpcEndpoints(cluster.nodes).join(","),
    "cluster-secret-file": resolve(options.dataDir, "cluster.secret"),
    "wal-file-bytes": String(LOCAL_WAL_FILE_BYTES),
    "tail-cache-bytes": String(LOCAL_TAIL_CACHE_BYTES),
    ...options.extra,
  };
  if (node.ports.aws !== undefined) settings["aws-port"] = String(node.ports.aws);
  return {
    name: processName(node),
    arguments: [
      ...process.execArgv, // from sources: the loader that runs this process, too
      "--max-semi-space-size=64",
      process.argv[1] ?? "",
      "start",
      ...Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value]),
    ],
    environment: { UV_THREADPOOL_SIZE: "8" },
    logFile: join(options.dataDir, "logs", `${processName(node)}.log`),
    stopsFirst: node.roles.includes("gateway"),
  };
}
