/**
 * Everything a Millrace process can be told, in one schema.
 *
 * The same key is a flag (`--rpc-port`), an environment variable (`MILLRACE_RPC_PORT`) and a line of
 * the YAML file (`rpcPort:`); flags win over the environment, the environment over the file.
 */
import { hostname } from "node:os";

import { z } from "zod";

const MIB = 1024 * 1024;

/** Digits or a number; an empty text or line is refused, because `Number("")` is 0. */
const whole = (min: number, max: number, unit = "") => {
  const error = `must be a whole number in ${min}..${max}${unit}`;
  return z.preprocess(
    (value) => (typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  );
};

const port = (fallback: number, what: string) =>
  whole(0, 65_535).default(fallback).describe(`${what} (0 picks a free one)`);

const flag = z
  .preprocess(
    (value) => (value === "true" ? true : value === "false" ? false : value),
    z.boolean({ error: "must be true or false" }),
  )
  .default(false);

const commaList = <Item extends z.ZodType<string>>(item: Item) =>
  z.preprocess((value) => (typeof value === "string" ? itemsOf(value) : value), z.array(item));

const itemsOf = (text: string) =>
  text.trim() === "" ? [] : text.split(",").map((one) => one.trim());

const hostPort = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, "must be host:port, for example 127.0.0.1:7400");

export const SETTINGS = z.strictObject({
  roles: commaList(z.enum(["coordinator", "broker", "gateway"]))
    .refine((roles) => roles.length > 0, "must name one role at least")
    .default(["coordinator", "broker", "gateway"])
    .describe("What this process does, separated by commas: coordinator, broker, gateway"),
  nodeId: whole(1, 65_535)
    .default(1)
    .describe("Number of this process, unique in the cluster and never reused"),
  dataDir: z
    .string()
    .min(1)
    .default(".millrace/data")
    .describe("Folder that holds this node's data"),
  host: z
    .string()
    .min(1)
    .default(hostname())
    .describe("Failure domain: two replicas of a shard never share it"),
  zone: z.string().default("").describe("Availability zone, a label of placement"),
  bindAddress: z.string().min(1).default("127.0.0.1").describe("Address that the ports listen on"),
  advertiseAddress: z
    .string()
    .default("")
    .describe("Address that others dial; empty takes the bind address"),
  rpcPort: port(7400, "Port of the control plane (gRPC)"),
  dataPort: port(7401, "Port of appends, fetches and replication (gRPC)"),
  adminPort: port(7402, "Port of /metrics, /health and /scrub"),
  awsPort: port(4566, "Port of the AWS protocols, with role gateway"),
  join: commaList(hostPort)
    .default([])
    .describe(
      "rpc addresses of coordinator nodes, separated by commas; empty means this node alone",
    ),
  clusterSecretFile: z
    .string()
    .default("")
    .describe(
      "File with the cluster secret (64 hex digits); empty takes cluster.secret in the data folder",
    ),
  walFileBytes: whole(MIB, 4096 * MIB, " (bytes)")
    .default(256 * MIB)
    .describe("Size of one write-ahead log file"),
  tailCacheBytes: whole(MIB, 65_536 * MIB, " (bytes)")
    .default(256 * MIB)
    .describe("Memory for recent records that were already written to segments"),
  scrubBytesPerSecond: whole(4096, 16_384 * MIB, " (bytes)")
    .default(8 * MIB)
    .describe("What a look at all files for damage reads per second"),
  scrubIntervalHours: whole(0, 8784, " (hours)")
    .default(168)
    .describe("Time between two looks at all files for damage; 0 looks only when asked to"),
  putDeadlineMs: whole(100, 60_000)
    .default(5000)
    .describe("Longest wait of a put before the caller gets a retryable error"),
  drainMs: whole(0, 600_000)
    .default(10_000)
    .describe("Longest graceful stop: leaders handed over, requests finished"),
  logLevel: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("Least level that is logged"),
  awsTlsCertFile: z.string().default("").describe("Certificate chain (PEM) of the AWS port"),
  awsTlsKeyFile: z.string().default("").describe("Private key (PEM) of the AWS port"),
  testSyncDelayMs: whole(0, 10_000)
    .default(0)
    .describe("For tests: adds this to every sync of the file system"),
  testTailDelayMs: whole(0, 60_000)
    .default(0)
    .describe("For tests: follows the metadata log this much later"),
  testPowerCuts: flag.describe(
    "For tests: a killed process loses what it had not synced, as in a power cut",
  ),
  testDiskSwitches: flag.describe(
    "For tests: files stall, eio, low and full in the folder switches of the data folder fail the disk",
  ),
  testDetoursFile: z
    .string()
    .default("")
    .describe(
      "For tests: JSON file that maps addresses of nodes to those that are dialled instead",
    ),
});

export type Settings = z.infer<typeof SETTINGS>;
export type SettingName = keyof Settings;

/** One row per setting, for help texts and shell completion. */
export function describeSettings(): readonly {
  readonly name: SettingName;
  readonly flag: string;
  readonly environment: string;
  readonly description: string;
  readonly fallback: unknown;
}[] {
  return Object.entries(SETTINGS.shape).map(([key, schema]) => ({
    name: key as SettingName,
    flag: `--${kebab(key)}`,
    environment: environmentName(key),
    description: schema.description ?? "",
    fallback: schema.parse(undefined),
  }));
}

export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function environmentName(key: string): string {
  return `MILLRACE_${kebab(key).replaceAll("-", "_").toUpperCase()}`;
}
