/**
 * The record of a local cluster, `cluster.json` in its data folder, mode 0600: where it listens and
 * the key that was made for it. Commands that are told nothing else use the one in `.millrace`.
 */
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { StreamError } from "@millrace/base";

export const DEFAULT_DATA_DIRECTORY = ".millrace";
/** Limits of a cluster that is formed without a word about them. */
export const DEFAULT_LIMITS = "aws";

export interface LocalNode {
  readonly nodeId: number;
  readonly roles: readonly string[];
  readonly dataDir: string;
  readonly ports: {
    readonly rpc: number;
    readonly data: number;
    readonly admin: number;
    readonly aws?: number;
  };
}

export interface ClusterFile {
  readonly formatVersion: 1;
  readonly clusterId: string;
  readonly account: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** rpc addresses of the coordinator nodes. */
  readonly endpoints: readonly string[];
  readonly awsEndpoint: string;
  /** `aws` or `unlimited`, as the cluster was formed. */
  readonly limits: string;
  readonly nodes: readonly LocalNode[];
}

/**
 * The record in `directory`, or undefined where there is none.
 *
 * @throws StreamError `corrupt` for a damaged one, `unsupported` for one of a later version.
 */
export function readClusterFile(directory: string): ClusterFile | undefined {
  const path = join(directory, "cluster.json");
  if (!existsSync(path)) return undefined;
  const parsed = parse(path);
  if ((parsed.formatVersion as number) === 1) return parsed;
  throw new StreamError(
    "unsupported",
    `${path} has format version ${String(parsed.formatVersion)}; this program knows version 1`,
  );
}

/** @throws StreamError `corrupt` for a file that is not JSON. */
function parse(path: string): ClusterFile {
  const text = readFileSync(path, "utf8");
  try {
    return JSON.parse(text) as ClusterFile;
  } catch (cause) {
    throw new StreamError(
      "corrupt",
      `${path} is damaged: it is not JSON. The records beside it are not touched by that; restore the file from a copy`,
      { cause },
    );
  }
}

/** Replaces the file at once, so that a crash leaves the old one or the new one. */
export function writeClusterFile(directory: string, content: ClusterFile): void {
  const path = join(directory, "cluster.json");
  writeFileSync(`${path}.new`, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}

/** The shell lines that point AWS programs, this command and the SDK at the cluster. */
export function environmentLines(cluster: ClusterFile): readonly string[] {
  return [
    `export AWS_ENDPOINT_URL=${quoted(cluster.awsEndpoint)}`,
    `export AWS_REGION=${quoted(cluster.region)}`,
    // boto3 and the AWS CLI read the region from this name alone.
    `export AWS_DEFAULT_REGION=${quoted(cluster.region)}`,
    `export AWS_ACCESS_KEY_ID=${cluster.accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${cluster.secretAccessKey}`,
    `export MILLRACE_ENDPOINTS=${cluster.endpoints.join(",")}`,
  ];
}

/** A word for the shell; quotes only where they are needed. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
