/**
 * One process with its roles: what is started in which order, and stopped in which.
 *
 * Ports listen before anything is known, so that a cluster can be formed and peers find each other;
 * until then calls are answered "unavailable". Stopping goes the other way: callers first, then
 * leaderships, then the log.
 */
import { join } from "node:path";

import type { Clock, Logger } from "@millrace/base";
import { METADATA_GROUP_ID, StreamError } from "@millrace/base";
import { createBroker } from "@millrace/broker";
import type { Broker } from "@millrace/broker";
import { clusterSecret, MillraceClient, nodePorts, SecretBox } from "@millrace/client";
import type { NodePorts, RegisterNode } from "@millrace/client";
import { createCoordinator } from "@millrace/coordinator";
import type { Coordinator } from "@millrace/coordinator";
import type { Gateway } from "@millrace/gateway";
import { CLUSTER_KEY_ID, signCall } from "@millrace/model";
import type { NodeAddresses, SigningHashes } from "@millrace/model";
import type { HotServer } from "@millrace/rpc";

import { AddressBook } from "./address-book.ts";
import type { AdminServer } from "./admin-server.ts";
import { startAdminServer } from "./admin-server.ts";
import { authenticator } from "./authentication.ts";
import { startControlServer, startDataServer } from "./servers.ts";
import { lockDataDirectory } from "./data-lock.ts";
import { DiskWatch } from "./disk-watch.ts";
import { nextIdentity } from "./gateway-identity.ts";
import { startGateway } from "./gateway-role.ts";
import type { LaneRuntime } from "./lane-runtime.ts";
import { openLane } from "./lane-runtime.ts";
import { createLogger } from "./logging.ts";
import { createMetrics } from "./metrics.ts";
import type { PrometheusMetrics } from "./metrics.ts";
import { NodeSession } from "./node-session.ts";
import type { Settings } from "./settings.ts";
import { followPeers } from "./peers.ts";
import { Stopping } from "./stopping.ts";
import { VERSION } from "./version.ts";

export interface NodePortNumbers {
  readonly rpc: number;
  readonly admin: number;
  readonly data?: number;
  readonly aws?: number;
}

export interface RunningNode {
  readonly ports: NodePortNumbers;
  /** Resolves when the node says so on /health/ready. */
  ready(): Promise<void>;
  /** Resolves, with the reason, when the process must end and be started again. */
  readonly failed: Promise<StreamError>;
  /** Hands leaderships over, answers what runs, and closes everything, within the setting `drainMs`. */
  stop(): Promise<void>;
}

/** What a process is made of before its ports listen. */
interface Parts {
  readonly settings: Settings;
  readonly ports: NodePorts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly secret: string;
  readonly box: SecretBox;
  readonly book: AddressBook;
  readonly runtime: LaneRuntime | undefined;
  readonly identity: { readonly incarnation: string; readonly bootEpoch: number };
}

/** Starts a process. @throws StreamError that says what is wrong with settings, secret, lock or log; nothing runs then. */
export async function runNode(settings: Settings): Promise<RunningNode> {
  const stopping = new Stopping();
  try {
    return await start(settings, stopping);
  } catch (error) {
    await stopping.run();
    throw error;
  }
}

async function start(settings: Settings, stopping: Stopping): Promise<RunningNode> {
  const parts = await openParts(settings, stopping);
  const { clock, logger, metrics, runtime, box } = parts;
  const client = connect(parts);
  stopping.last("client", () => client.close());
  const roles = createRoles(parts, client);
  if (roles.coordinator !== undefined) runtime?.own(roles);
  const views = [roles.coordinator?.localView, client.view].filter((view) => view !== undefined);
  const { hashes } = parts.ports;
  const authenticate = authenticator({ clock, hashes, clusterSecret: parts.secret, box, views });
  const state = (): NodeState => nodeState(parts, client, session, stopping);
  const rpc = await startControlServer({ ...parts, ...roles, authenticate, state: () => state() });
  stopping.last("rpc port", () => rpc.close(0));
  const data =
    runtime === undefined
      ? undefined
      : await startDataServer({ ...parts, ...roles, runtime, authenticate });
  if (runtime !== undefined && data !== undefined)
    startLane(parts, runtime, roles, data, client, stopping);
  const gateway = settings.roles.includes("gateway")
    ? await startGateway({ settings, client, box, clock, logger, metrics })
    : undefined;
  const admin = await startAdmin(parts, () => health(parts, client, session));
  const ports = portNumbers(rpc.port, admin, data, gateway);
  const session: NodeSession = new NodeSession({
    admin: client.admin,
    clock,
    logger,
    registration: () => registration(parts, ports),
    state: () => (stopping.begun ? "draining" : session.alive ? "ready" : "starting"),
  });
  session.start();
  stopping.first("gateway port", (graceMs) => gateway?.close(graceMs));
  stopping.last("heartbeats", () => session.stop());
  stopping.last("admin port", () => admin.close());
  logger.info("node started", { ports, roles: settings.roles, dataDir: settings.dataDir });
  return {
    ports,
    ready: () => untilReady(parts, () => health(parts, client, session).ready),
    failed: failure(runtime, logger),
    stop: () => stopping.run(settings.drainMs),
  };
}

async function openParts(settings: Settings, stopping: Stopping): Promise<Parts> {
  const ports = nodePorts();
  const logger = createLogger(settings.logLevel, { node: settings.nodeId });
  const metrics = createMetrics();
  const lock = lockDataDirectory(settings.dataDir);
  stopping.last("data lock", () => lock.release());
  const secretFile = settings.clusterSecretFile || join(settings.dataDir, "cluster.secret");
  const secret = clusterSecret(secretFile);
  const hasLane = settings.roles.some((role) => role !== "gateway");
  const { clock, random, hashes } = ports;
  const sign = signer(hashes, secret, clock);
  const runtime = hasLane
    ? await openLane({ settings, clock, random, logger, metrics, sign })
    : undefined;
  if (runtime !== undefined) stopping.last("log", () => runtime.storage.close());
  return {
    settings,
    ports,
    clock,
    logger,
    metrics,
    secret,
    box: new SecretBox(secret),
    book: new AddressBook(settings.dataDir),
    runtime,
    identity: runtime?.storage.identity ?? nextIdentity(settings.dataDir),
  };
}

function signer(hashes: SigningHashes, secret: string, clock: Clock) {
  const credentials = { accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" };
  return (path: string, address: string) =>
    signCall(hashes, credentials, path, address, clock.nowMs());
}

function connect(parts: Parts): MillraceClient {
  const { settings, logger, metrics, secret, ports } = parts;
  const own = `${advertised(settings)}:${settings.rpcPort}`;
  const endpoints = settings.join.length > 0 ? settings.join : [own];
  // A coordinator follows itself first: the shortest way to what it has applied.
  const first = settings.roles.includes("coordinator") ? [own] : [];
  return new MillraceClient({
    ...ports,
    endpoints: [...new Set([...first, ...endpoints])],
    credentials: { accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" },
    scope: "internal",
    logger,
    metrics,
    tailDelayMs: settings.testTailDelayMs,
  });
}

interface Roles {
  readonly coordinator: Coordinator;
  readonly broker: Broker;
}

/** A process with a lane has both: which of them is used is what metadata places on it. */
function createRoles(
  parts: Parts,
  client: MillraceClient,
): Roles | { readonly [Name in keyof Roles]?: never } {
  const { runtime, settings, clock, logger, metrics, ports, book } = parts;
  if (runtime === undefined) return {};
  const { lane, storage } = runtime;
  const shared = { lane, nodeId: settings.nodeId, clock, random: ports.random, logger, metrics };
  const { incarnation } = storage.identity;
  const coordinator = createCoordinator({
    ...shared,
    storage,
    onVoters: (voters) => {
      book.learn(
        voters.map(({ nodeId, addresses }) => ({
          nodeId,
          rpc: addresses.rpc,
          data: addresses.data ?? "",
        })),
      );
    },
  });
  const broker = createBroker({
    ...shared,
    view: client.view,
    incarnation,
    crc32: ports.crc32,
    report: (replicas) =>
      client.admin.reportReplicas({ nodeId: settings.nodeId, incarnation, replicas }),
  });
  return { coordinator, broker };
}

function startLane(
  parts: Parts,
  runtime: LaneRuntime,
  roles: ReturnType<typeof createRoles>,
  data: HotServer,
  client: MillraceClient,
  stopping: Stopping,
): void {
  const { coordinator, broker } = roles;
  if (coordinator === undefined || broker === undefined) return;
  const { clock, logger, metrics, settings } = parts;
  const { lane, fileSystem } = runtime;
  followPeers({ book: parts.book, view: client.view, lane, nodeId: settings.nodeId });
  lane.start();
  coordinator.start();
  broker.start();
  const watch = new DiskWatch({
    fileSystem,
    directory: settings.dataDir,
    clock,
    logger,
    metrics,
    changed: (full) => broker.setDiskFull(full),
  });
  void watch.start();
  stopping.first("accepted puts", (graceMs) => broker.drain(Math.min(graceMs, 1000)));
  stopping.first("leaderships", (graceMs) => lane.drain(graceMs));
  stopping.last("lane", async () => {
    watch.stop();
    broker.stop();
    coordinator.stop();
    await data.close(0);
    await lane.stop();
  });
}

function startAdmin(parts: Parts, report: () => Health): Promise<AdminServer> {
  const { settings, metrics, runtime } = parts;
  return startAdminServer({
    host: settings.bindAddress,
    port: settings.adminPort,
    metrics,
    failure: () => runtime?.storage.failed?.message,
    health: report,
  });
}

interface Health {
  readonly ready: boolean;
  readonly waitingFor: readonly string[];
}

function health(parts: Parts, client: MillraceClient, session: NodeSession): Health {
  const waitingFor: string[] = [];
  const { runtime } = parts;
  if (
    runtime !== undefined &&
    runtime.storage.identity.clusterId === undefined &&
    !client.view.ready
  ) {
    waitingFor.push("a cluster to be formed (millrace cluster init) or joined");
  } else if (!client.view.ready) waitingFor.push("metadata of the cluster");
  else if (!session.alive)
    waitingFor.push("the coordinator's leader to take this node's heartbeat");
  const metadata = runtime?.lane.group(METADATA_GROUP_ID);
  if (metadata !== undefined && metadata.leaderNodeId === undefined) {
    waitingFor.push("a leader of the metadata group");
  }
  if (runtime?.storage.failed !== undefined) waitingFor.push("a restart: the log has failed");
  return { ready: waitingFor.length === 0, waitingFor };
}

export type NodeState = "unformed" | "starting" | "ready" | "draining" | "failed";

function nodeState(
  parts: Parts,
  client: MillraceClient,
  session: NodeSession,
  stopping: Stopping,
): NodeState {
  const { runtime } = parts;
  if (runtime?.storage.failed !== undefined) return "failed";
  if (stopping.begun) return "draining";
  if (
    runtime !== undefined &&
    runtime.storage.identity.clusterId === undefined &&
    !client.view.ready
  ) {
    return "unformed";
  }
  return health(parts, client, session).ready ? "ready" : "starting";
}

function advertised(settings: Settings): string {
  return settings.advertiseAddress || settings.bindAddress;
}

function portNumbers(
  rpc: number,
  admin: AdminServer,
  data: HotServer | undefined,
  gateway: Gateway | undefined,
): NodePortNumbers {
  return {
    rpc,
    admin: admin.port,
    ...(data === undefined ? {} : { data: data.port }),
    ...(gateway === undefined ? {} : { aws: gateway.port }),
  };
}

function registration(parts: Parts, ports: NodePortNumbers): RegisterNode {
  const { settings, identity } = parts;
  const at = (port: number) => `${advertised(settings)}:${port}`;
  const addresses: NodeAddresses = {
    rpc: at(ports.rpc),
    admin: at(ports.admin),
    ...(ports.data === undefined ? {} : { data: at(ports.data) }),
    ...(ports.aws === undefined ? {} : { aws: at(ports.aws) }),
  };
  return {
    nodeId: settings.nodeId,
    incarnation: identity.incarnation,
    bootEpoch: identity.bootEpoch,
    roles: settings.roles,
    host: settings.host,
    zone: settings.zone,
    addresses,
    pid: process.pid,
    dataDir: settings.dataDir,
    version: VERSION,
  };
}

function failure(runtime: LaneRuntime | undefined, logger: Logger): Promise<StreamError> {
  return new Promise((resolve) => {
    runtime?.lane.onFailure((error) => {
      logger.error("the log has failed: nothing is acknowledged any more, the process ends", {
        error,
      });
      resolve(error);
    });
  });
}

const READY_POLL_MS = 20;
const READY_DEADLINE_MS = 60_000;

async function untilReady({ clock }: Parts, isReady: () => boolean): Promise<void> {
  const untilMs = clock.monotonicMs() + READY_DEADLINE_MS;
  while (!isReady()) {
    if (clock.monotonicMs() > untilMs)
      throw new StreamError("deadline", "not ready after a minute");
    await new Promise<void>((resolve) => clock.schedule(READY_POLL_MS, () => resolve()));
  }
}
