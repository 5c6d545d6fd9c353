/**
 * One node of the cluster: what a process of `@millrace/server` puts together, without its sockets,
 * logs and metrics. The disk and the address book outlive its crashes; nothing else does.
 *
 * A crash drops the whole object graph between two events. Its clock, its disk and its connections
 * belong to the life that ended, so that nothing of it acts any more.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

import type { Clock, FileSystem, Logger } from "@millrace/base";
import { NO_METRICS } from "@millrace/base";
import type { Broker } from "@millrace/broker";
import { createBroker } from "@millrace/broker";
import { MillraceClient } from "@millrace/client";
import type { Coordinator } from "@millrace/coordinator";
import { controlServices, createCoordinator } from "@millrace/coordinator";
import type { Principal } from "@millrace/model";
import { CLUSTER_KEY_ID, readEntryMeta } from "@millrace/model";
import { HOT_PATHS, NodeService } from "@millrace/proto";
import type { Group, GroupInit, StateMachine } from "@millrace/replica";
import { Lane } from "@millrace/replica";
import { controlService } from "@millrace/rpc";
import { LaneStorage } from "@millrace/storage";

import type { ProcessLife } from "../kernel/process-life.ts";
import { SimRandom } from "../kernel/sim-random.ts";
import { SimControlChannel } from "../net/control-channel.ts";
import { serveControl } from "../net/control-server.ts";
import type { HotHandlers, Place } from "../net/hot-channel.ts";
import { serveHot, SimHotChannel } from "../net/hot-channel.ts";
import type { SimNetwork } from "../net/network.ts";
import type { FrameChaos } from "../net/peer-transport.ts";
import { SimPeerTransport } from "../net/peer-transport.ts";
import type { SimOptions } from "../options.ts";
import { ACCOUNT, addressesOf, hostOfNode, ROLES } from "./addresses.ts";
import { Heartbeats } from "./heartbeats.ts";

const CLUSTER: Principal = { kind: "cluster", accessKeyId: CLUSTER_KEY_ID, account: ACCOUNT };
const SECRET = "secret of a simulated cluster";

export interface NodeDeps {
  readonly nodeId: number;
  readonly options: SimOptions;
  readonly network: SimNetwork;
  readonly life: ProcessLife;
  readonly boot: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fileSystem: FileSystem;
  readonly chaos: () => FrameChaos;
  /** Addresses of peers by node, as on the node's disk: grows by what the node learns. */
  readonly book: Map<number, string>;
  /** Sees the machine of each group; returns what the lane shall drive. */
  readonly watch: (group: Group, machine: StateMachine) => StateMachine;
  /** Sees what the process has found on its disk, before it acts on it. */
  readonly opened: (storage: LaneStorage) => void;
  /** Sees each frame that the process hands to its link with a peer. */
  readonly sent: (frame: Uint8Array) => void;
  /** Sees each frame that the process is given. */
  readonly received: (frame: Uint8Array) => void;
}

export interface RunningNode {
  readonly lane: Lane;
  readonly storage: LaneStorage;
  readonly broker: Broker;
  readonly coordinator: Coordinator;
  readonly client: MillraceClient;
}

/** What a `MillraceClient` needs of the simulated world, for nodes and for clients alike. */
export function clientPorts(place: Place, random: SimRandom) {
  return {
    clock: place.clock,
    random,
    hashes: {
      sha256Hex: (data: string) => createHash("sha256").update(data).digest("hex"),
      // Nobody checks a signature here, so none is worth its time.
      hmacSha256: () => NO_SIGNATURE,
    },
    crc32: (bytes: Uint8Array, seed = 0) => crc32(bytes, seed),
    allocate: (bytes: number) => Buffer.alloc(bytes),
    credentials: { accessKeyId: CLUSTER_KEY_ID, secret: SECRET, region: "cluster" },
    scope: "internal" as const,
    channels: {
      hot: (options: ConstructorParameters<typeof SimHotChannel>[1]) =>
        new SimHotChannel(place, options),
      control: ({ address }: { readonly address: string }) => new SimControlChannel(place, address),
    },
  };
}

const NO_SIGNATURE = new Uint8Array(32);

/** @throws StreamError what keeps a node from starting, such as `corrupt` for damage on its disk. */
export async function startNode(deps: NodeDeps): Promise<RunningNode> {
  const { nodeId, options, network, life, boot, clock, logger, fileSystem } = deps;
  const random = new SimRandom(options.seed, `node-${nodeId}-${boot}`);
  const place: Place = { owner: life, host: hostOfNode(nodeId), network, clock };
  await fileSystem.makeDirectory("/lane");
  const storage = await LaneStorage.open({
    fileSystem,
    clock,
    random,
    metrics: NO_METRICS,
    logger,
    directory: "/lane",
    nodeId,
    entryMeta: readEntryMeta,
    walFileBytes: options.walFileBytes,
    tailCacheBytes: options.tailCacheBytes,
  });
  deps.opened(storage);
  const lane = openLane(deps, place, storage, random);
  const others = Array.from({ length: options.nodes }, (_, at) => addressesOf(at + 1).rpc);
  const client = new MillraceClient({
    ...clientPorts(place, random),
    endpoints: [...new Set([addressesOf(nodeId).rpc, ...others])],
    logger,
  });
  const roles = createRoles(deps, lane.lane, storage, client, random);
  lane.own(roles);
  serve(place, deps, lane.lane, storage, roles);
  followPeers(deps, client, lane.lane);
  lane.lane.start();
  roles.coordinator.start();
  roles.broker.start();
  new Heartbeats({ nodeId, clock, admin: client.admin, identity: storage.identity }).start();
  return { lane: lane.lane, storage, client, ...roles };
}

interface Roles {
  readonly coordinator: Coordinator;
  readonly broker: Broker;
}

function openLane(deps: NodeDeps, place: Place, storage: LaneStorage, random: SimRandom) {
  const { nodeId, options, clock, logger, life, network, chaos, watch } = deps;
  const transport = new SimPeerTransport({
    nodeId,
    owner: life,
    host: place.host,
    dataAddress: addressesOf(nodeId).data,
    network,
    clock,
    random: new SimRandom(options.seed, `frames-${nodeId}-${deps.boot}`),
    chaos,
    sent: deps.sent,
    received: deps.received,
  });
  let owners: Roles | undefined;
  const machineOf = (group: Group, init: GroupInit): StateMachine => {
    if (owners === undefined) throw new Error("the lane started before its owners were named");
    if (init.kind === "metadata") return owners.coordinator.stateMachineFor(group);
    return owners.broker.stateMachineFor(group, init);
  };
  const lane = new Lane({
    nodeId,
    storage,
    transport,
    clock,
    random,
    logger,
    metrics: NO_METRICS,
    createStateMachine: (group, init) => watch(group, machineOf(group, init)),
    config: options.lane,
  });
  return { lane, own: (roles: Roles) => (owners = roles) };
}

function createRoles(
  deps: NodeDeps,
  lane: Lane,
  storage: LaneStorage,
  client: MillraceClient,
  random: SimRandom,
): Roles {
  const { nodeId, clock, logger, book } = deps;
  const shared = { lane, nodeId, clock, random, logger, metrics: NO_METRICS };
  const { incarnation } = storage.identity;
  const coordinator = createCoordinator({
    ...shared,
    storage,
    onVoters: (voters) => {
      for (const { nodeId: id, addresses } of voters) book.set(id, addresses.data ?? "");
    },
  });
  const broker = createBroker({
    ...shared,
    view: client.view,
    incarnation,
    crc32: (bytes, seed = 0) => crc32(bytes, seed),
    report: (replicas) => client.admin.reportReplicas({ nodeId, incarnation, replicas }),
  });
  return { coordinator, broker };
}

function serve(
  place: Place,
  { nodeId }: NodeDeps,
  lane: Lane,
  storage: LaneStorage,
  { broker, coordinator }: Roles,
): void {
  const addresses = addressesOf(nodeId);
  const status = () => ({
    nodeId,
    incarnation: storage.identity.incarnation,
    bootEpoch: storage.identity.bootEpoch,
    clusterId: storage.identity.clusterId ?? "",
    roles: [...ROLES],
    pid: 1,
    dataDir: "/",
    state: lane.failed === undefined ? "ready" : "failed",
    version: "0",
    groups: [...broker.handlers.groupStatuses()],
  });
  const node = controlService<typeof NodeService, Principal>(NodeService, {
    unary: {
      Status: status,
      Locate: (request, { principal }) => broker.handlers.locate(request, principal),
    },
  });
  serveControl(place, addresses.rpc, [node, ...controlServices(coordinator.services)], CLUSTER);
  const handlers: HotHandlers<Principal> = {
    [HOT_PATHS.append]: (stream, call) => broker.handlers.appendStream(stream, call),
    [HOT_PATHS.fetch]: (stream, call) => broker.handlers.fetchStream(stream, call),
  };
  serveHot(place, addresses.data, handlers, CLUSTER);
}

function followPeers({ nodeId, book }: NodeDeps, { view }: MillraceClient, lane: Lane): void {
  const tell = (): void => {
    for (const [id, data] of book) if (id !== nodeId && data !== "") lane.setPeer(id, data);
  };
  tell();
  view.onChange((keys) => {
    if (!keys.some((key) => key.startsWith("node/"))) return;
    for (const { nodeId: id, addresses } of view.list("node")) {
      if (addresses.data !== undefined) book.set(id, addresses.data);
    }
    tell();
  });
}
