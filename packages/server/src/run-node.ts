/**
 * One process with its roles: what is started in which order, and stopped in which.
 *
 * Ports listen before anything is known, so that a cluster can be formed and peers find each other;
 * until then calls are answered "unavailable". Stopping goes the other way: callers first, then
 * leaderships, then the log.
 */
import { join } from "node:path";

import type { Clock, Logger } from "@millrace/base";
import { sleep, StreamError } from "@millrace/base";
import { createBroker } from "@millrace/broker";
import type { Broker } from "@millrace/broker";
import { clusterSecret, MillraceClient, nodePorts, SecretBox } from "@millrace/client";
import type { NodePorts } from "@millrace/client";
import { createCoordinator } from "@millrace/coordinator";
import type { Coordinator } from "@millrace/coordinator";
import type { Gateway } from "@millrace/gateway";
import { CLUSTER_KEY_ID, signCall } from "@millrace/model";
import type { SigningHashes } from "@millrace/model";
import type { HotServer } from "@millrace/rpc";

import { AddressBook } from "./address-book.ts";
import type { AdminServer } from "./admin-server.ts";
import { startAdminServer } from "./admin-server.ts";
import { authenticator } from "./authentication.ts";
import { startControlServer, startDataServer } from "./servers.ts";
import { lockDataDirectory } from "./data-lock.ts";
import { detouredChannels, readDetours } from "./detours.ts";
import { DiskWatch } from "./disk-watch.ts";
import { nextIdentity } from "./gateway-identity.ts";
import type { ProcessIdentity } from "./gateway-identity.ts";
import { startGateway } from "./gateway-role.ts";
import type { LaneRuntime } from "./lane-runtime.ts";
import { followMoveRate, openLane } from "./lane-runtime.ts";
import { createLogger } from "./logging.ts";
import { createMetrics } from "./metrics.ts";
import type { PrometheusMetrics } from "./metrics.ts";
import { healthOf, nodeState } from "./node-health.ts";
import type { HealthDeps, NodeState } from "./node-health.ts";
import { NodeSession } from "./node-session.ts";
import { advertised, registrationOf } from "./registration.ts";
import type { NodePortNumbers } from "./registration.ts";
import type { Settings } from "./settings.ts";
import { followPeers } from "./peers.ts";
import { Stopping } from "./stopping.ts";
import { listening, withFile } from "./system-errors.ts";
import { TrashSweep } from "./trash-sweep.ts";

export interface RunningNode {
  readonly ports: NodePortNumbers;
  /** Resolves when the node says so on /health/ready. */
  ready(): Promise<void>;
  /** Resolves, with the reason, when the process must end and be started again. */
  readonly failed: Promise<StreamError>;
  /** Hands leaderships over, answers what runs, and closes everything, within the setting `drainMs`. */
  stop(): Promise<void>;
}

/** Longest wait for puts that were accepted before a stop. */
const PUTS_GRACE_MS = 1000;
const READY_POLL_MS = 20;
const READY_DEADLINE_MS = 60_000;

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
  readonly identity: ProcessIdentity;
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
  const { clock, logger, runtime, box } = parts;
  const client = connect(parts);
  stopping.last("client", () => client.close());
  const roles = createRoles(parts, client);
  if (roles.coordinator !== undefined) runtime?.own(roles);
  const views = [roles.coordinator?.localView, client.view].filter((view) => view !== undefined);
  const { hashes } = parts.ports;
  const authenticate = authenticator({ clock, hashes, clusterSecret: parts.secret, box, views });
  // Made before the ports listen: the first caller may ask for this node's state at once.
  let numbers: NodePortNumbers | undefined;
  const session: NodeSession = new NodeSession({
    admin: client.admin,
    clock,
    logger,
    registration: () => registrationOf(settings, parts.identity, required(numbers)),
    state: () => (stopping.begun ? "draining" : session.alive ? "ready" : "starting"),
    // A gateway has no data that could come under another cluster's.
    joined: async (clusterId) => runtime?.storage.setClusterId(clusterId),
  });
  const health = { runtime, client, session };
  const state = () => nodeState(health, stopping.begun);
  numbers = await openPorts({ parts, client, roles, authenticate, health, state, stopping });
  session.start();
  stopping.last("heartbeats", () => session.stop());
  logger.info("node started", {
    ports: numbers,
    roles: settings.roles,
    dataDir: settings.dataDir,
  });
  return {
    ports: numbers,
    ready: () => untilReady(parts, health, stopping),
    failed: failure(runtime, logger),
    stop: () => stopping.run(settings.drainMs),
  };
}

interface PortDeps {
  readonly parts: Parts;
  readonly client: MillraceClient;
  readonly roles: ReturnType<typeof createRoles>;
  readonly authenticate: ReturnType<typeof authenticator>;
  readonly health: HealthDeps;
  readonly state: () => NodeState;
  readonly stopping: Stopping;
}

/**
 * Opens the ports of a process. Each is noted for closing at once: a port that cannot listen must
 * not leave the others open, because a process with an open port never ends.
 */
async function openPorts(deps: PortDeps): Promise<NodePortNumbers> {
  const { parts, client, roles, authenticate, stopping } = deps;
  const { settings, runtime, clock, logger, metrics, box } = parts;
  const rpc = await listening(settings, "rpcPort", () =>
    startControlServer({ ...parts, ...roles, authenticate, state: deps.state }),
  );
  stopping.last("rpc port", () => rpc.close(0));
  let data: HotServer | undefined;
  if (runtime !== undefined) {
    const served = await listening(settings, "dataPort", () =>
      startDataServer({ ...parts, ...roles, runtime, authenticate }),
    );
    data = served;
    startLane(parts, runtime, roles, client, stopping);
    stopping.last("data port", () => served.close(0)); // closed before the lane that it feeds
  }
  let gateway: Gateway | undefined;
  if (settings.roles.includes("gateway")) {
    const served = await listening(settings, "awsPort", () =>
      startGateway({ settings, client, box, clock, logger, metrics }),
    );
    // Callers first: what they have under way needs the leaders that are handed over next.
    stopping.first("gateway port", (graceMs) => served.close(graceMs / 2));
    gateway = served;
  }
  if (runtime !== undefined) drainFirst(runtime, roles, stopping);
  const admin = await listening(settings, "adminPort", () => startAdmin(parts, deps.health));
  stopping.last("admin port", () => admin.close());
  return {
    rpc: rpc.port,
    admin: admin.port,
    ...(data === undefined ? {} : { data: data.port }),
    ...(gateway === undefined ? {} : { aws: gateway.port }),
  };
}

function required(numbers: NodePortNumbers | undefined): NodePortNumbers {
  if (numbers !== undefined) return numbers;
  throw new StreamError("internal", "a node registered before its ports listened");
}

async function openParts(settings: Settings, stopping: Stopping): Promise<Parts> {
  const ports = nodePorts();
  const logger = createLogger(settings.logLevel, { node: settings.nodeId });
  const metrics = createMetrics();
  const { dataDir } = settings;
  const lock = withFile("dataDir", dataDir, () => lockDataDirectory(dataDir));
  stopping.last("data lock", () => lock.release());
  const secretFile = settings.clusterSecretFile || join(dataDir, "cluster.secret");
  const secret = withFile("clusterSecretFile", secretFile, () => clusterSecret(secretFile));
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
    book: new AddressBook(dataDir),
    runtime,
    identity: runtime?.storage.identity ?? nextIdentity(dataDir),
  };
}

function signer(hashes: SigningHashes, secret: string, clock: Clock) {
  const credentials = { accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" };
  return (path: string, address: string) =>
    signCall(hashes, credentials, path, address, clock.nowMs());
}

function connect(parts: Parts): MillraceClient {
  const { settings, logger, metrics, secret, ports } = parts;
  // A port that the system picks is not known yet; such a process is found through --join alone.
  const own = settings.rpcPort === 0 ? [] : [`${advertised(settings)}:${settings.rpcPort}`];
  const endpoints = settings.join.length > 0 ? settings.join : own;
  // A coordinator follows itself first: the shortest way to what it has applied.
  const first = settings.roles.includes("coordinator") ? own : [];
  return new MillraceClient({
    ...ports,
    endpoints: [...new Set([...first, ...endpoints])],
    credentials: { accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" },
    scope: "internal",
    logger,
    metrics,
    tailDelayMs: settings.testTailDelayMs,
    channels: detouredChannels(readDetours(settings.testDetoursFile)),
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
  client: MillraceClient,
  stopping: Stopping,
): void {
  const { coordinator, broker } = roles;
  if (coordinator === undefined || broker === undefined) return;
  const { clock, logger, metrics, settings } = parts;
  const { lane, fileSystem } = runtime;
  const detour = readDetours(settings.testDetoursFile);
  followMoveRate(client.view, lane);
  followPeers({ book: parts.book, view: client.view, lane, nodeId: settings.nodeId, detour });
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
  const sweep = new TrashSweep({ storage: runtime.storage, view: client.view, clock, logger });
  sweep.start();
  stopping.last("lane", async () => {
    watch.stop();
    sweep.stop();
    broker.stop();
    coordinator.stop();
    await lane.stop();
  });
}

function drainFirst(
  { lane }: LaneRuntime,
  { broker }: ReturnType<typeof createRoles>,
  stopping: Stopping,
): void {
  stopping.first("accepted puts", (graceMs) => broker?.drain(Math.min(graceMs, PUTS_GRACE_MS)));
  stopping.first("leaderships", (graceMs) => lane.drain(graceMs));
}

function startAdmin(parts: Parts, deps: HealthDeps): Promise<AdminServer> {
  const { settings, metrics, runtime } = parts;
  return startAdminServer({
    host: settings.bindAddress,
    port: settings.adminPort,
    metrics,
    failure: () => runtime?.storage.failed?.message,
    health: () => healthOf(deps),
    scrub: runtime === undefined ? undefined : () => lookAtFiles(runtime),
  });
}

/** What the look found, and the replicas that take no part since. */
async function lookAtFiles({ lane }: LaneRuntime): Promise<object> {
  const report = await lane.scrub();
  return { ...report, damagedReplicas: lane.damaged() };
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

async function untilReady({ clock }: Parts, health: HealthDeps, stopping: Stopping): Promise<void> {
  const untilMs = clock.monotonicMs() + READY_DEADLINE_MS;
  for (;;) {
    const { ready, waitingFor } = healthOf(health);
    if (ready) return;
    if (stopping.begun) throw new StreamError("cancelled", "stopped before the node was ready");
    if (clock.monotonicMs() > untilMs) {
      const missing = waitingFor.join(", ");
      throw new StreamError("deadline", `not ready after a minute: waiting for ${missing}`);
    }
    await sleep(clock, READY_POLL_MS);
  }
}
