/** Finds the cluster that a command is about, and connects to it. */
import { existsSync } from "node:fs";

import { StreamError } from "@millrace/base";
import { clusterSecret, MillraceClient, nodePorts } from "@millrace/client";
import { CLUSTER_KEY_ID } from "@millrace/model";

import type { ClusterFile } from "./cluster-file.ts";
import { DEFAULT_DATA_DIRECTORY, readClusterFile } from "./cluster-file.ts";

/** Longest wait for the first metadata of a cluster. */
const CONNECT_DEADLINE_MS = 10_000;

export interface ConnectOptions {
  /** Data folder of a local cluster; its record is used where the environment names no endpoints. */
  readonly data?: string;
  readonly endpoints?: string;
  /** For what an access key may not do: the secret that every process was started with. */
  readonly clusterSecretFile?: string;
}

export interface Target {
  readonly endpoints: readonly string[];
  readonly accessKeyId: string;
  readonly secret: string;
  readonly region: string;
}

export interface Connection {
  readonly client: MillraceClient;
  readonly target: Target;
  /** Account of the cluster, twelve digits. */
  readonly account: string;
}

/** Runs `use` with a connection, and closes it whatever happens. @throws StreamError `unavailable` when no coordinator answers. */
export async function withCluster<Result>(
  options: ConnectOptions,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const target = asCluster(findTarget(options), options);
  const client = new MillraceClient({
    ...nodePorts(),
    endpoints: target.endpoints,
    credentials: { accessKeyId: target.accessKeyId, secret: target.secret, region: target.region },
    scope: "routes",
  });
  try {
    await client.ready(CONNECT_DEADLINE_MS);
    const cluster = client.view.cluster();
    if (cluster === undefined)
      throw new StreamError("unavailable", "the cluster is not formed yet");
    return await use({ client, target, account: cluster.account });
  } finally {
    await client.close();
  }
}

/**
 * Where to go, and with which key. `--endpoints` wins over `--data`, which wins over the variables;
 * a cluster named by its data folder is called with the folder's key.
 *
 * @throws StreamError `invalid-argument` that says which variables or folder are missing.
 */
export function findTarget(options: ConnectOptions): Target {
  const environment = process.env;
  const recorded = readClusterFile(options.data ?? DEFAULT_DATA_DIRECTORY);
  const given = options.endpoints ?? (options.data === undefined ? environmentEndpoints() : "");
  if (given === "") return fromFile(recorded, options);
  const endpoints = parseEndpoints(
    given,
    options.endpoints === undefined ? "MILLRACE_ENDPOINTS" : "--endpoints",
  );
  if (options.data !== undefined) return { ...fromFile(recorded, options), endpoints };
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"] ?? recorded?.accessKeyId;
  const secret = environment["AWS_SECRET_ACCESS_KEY"] ?? recorded?.secretAccessKey;
  if (accessKeyId === undefined || secret === undefined) {
    throw new StreamError(
      "invalid-argument",
      "endpoints are given, but no key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a local cluster's folder with --data",
    );
  }
  const region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
  return { endpoints, accessKeyId, secret, region };
}

/** With the cluster's own key, when its secret is named. */
function asCluster(target: Target, { clusterSecretFile }: ConnectOptions): Target {
  if (clusterSecretFile === undefined) return target;
  // The processes make the secret that they do not find; here, a mistyped path must not become another.
  if (!existsSync(clusterSecretFile)) {
    throw new StreamError(
      "invalid-argument",
      `--cluster-secret-file is ${clusterSecretFile}, which does not exist: name the file that the nodes were started with`,
    );
  }
  const secret = clusterSecret(clusterSecretFile);
  return { ...target, accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" };
}

function environmentEndpoints(): string {
  return process.env["MILLRACE_ENDPOINTS"] ?? "";
}

function parseEndpoints(text: string, from: string): readonly string[] {
  const endpoints = text.split(",").map((one) => one.trim());
  const wrong = endpoints.find((one) => !/^[^\s:]+:\d{1,5}$/.test(one));
  if (wrong === undefined) return endpoints;
  throw new StreamError(
    "invalid-argument",
    `${from} has "${wrong}", but each must be host:port, for example 127.0.0.1:7400`,
  );
}

function fromFile(recorded: ClusterFile | undefined, options: ConnectOptions): Target {
  if (recorded === undefined) {
    throw new StreamError(
      "invalid-argument",
      `no cluster here: ${options.data ?? DEFAULT_DATA_DIRECTORY}/cluster.json does not exist and MILLRACE_ENDPOINTS is not set; run scripts/start, or set the lines that it prints`,
    );
  }
  return {
    endpoints: recorded.endpoints,
    accessKeyId: recorded.accessKeyId,
    secret: recorded.secretAccessKey,
    region: recorded.region,
  };
}
