/** The log and the Raft groups of a process with role broker or coordinator, put together. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Clock, FileSystem, Logger, Random } from "@millrace/base";
import type { Broker } from "@millrace/broker";
import type { Coordinator } from "@millrace/coordinator";
import type { MetadataView } from "@millrace/model";
import { METADATA_KEY, placementPolicy, readEntryMeta } from "@millrace/model";
import { HotPeerTransport, Lane } from "@millrace/replica";
import type { CallMetadata } from "@millrace/rpc";
import {
  CountingFileSystem,
  DelayedSyncFileSystem,
  LaneStorage,
  NodeFileSystem,
  PowerCutFileSystem,
  SwitchedFileSystem,
} from "@millrace/storage";

import type { PrometheusMetrics } from "./metrics.ts";
import type { Settings } from "./settings.ts";

/** Peers sign for the cluster, not for one address: an address of theirs can change while a link lives. */
const PEER_HOST = "peer";

export interface LaneRuntimeOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  /** Signs calls of this process to others. */
  readonly sign: (path: string, address: string) => CallMetadata;
}

/** Whose state machines the groups get; known before the lane starts. */
export interface GroupOwners {
  readonly coordinator: Pick<Coordinator, "stateMachineFor">;
  readonly broker: Pick<Broker, "stateMachineFor">;
}

export interface LaneRuntime {
  readonly fileSystem: FileSystem;
  readonly storage: LaneStorage;
  readonly transport: HotPeerTransport;
  readonly lane: Lane;
  /** Must be called before `lane.start`. */
  own(owners: GroupOwners): void;
}

/** @throws StreamError `corrupt` when the log is damaged: names file, position and what to do. */
export async function openLane(options: LaneRuntimeOptions): Promise<LaneRuntime> {
  const { settings, clock, random, logger, metrics, sign } = options;
  const directory = join(settings.dataDir, "lane");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const fileSystem = await fileSystemOf(options);
  const storage = await LaneStorage.open({
    fileSystem,
    clock,
    random,
    metrics,
    logger,
    directory,
    nodeId: settings.nodeId,
    entryMeta: readEntryMeta,
    walFileBytes: settings.walFileBytes,
    tailCacheBytes: settings.tailCacheBytes,
  });
  const { incarnation, bootEpoch } = storage.identity;
  const transport = new HotPeerTransport({
    nodeId: settings.nodeId,
    incarnation,
    bootEpoch,
    metadata: (path) => sign(path, PEER_HOST),
    clock,
    logger,
  });
  let owners: GroupOwners | undefined;
  const lane = new Lane({
    nodeId: settings.nodeId,
    storage,
    transport,
    clock,
    random,
    logger,
    metrics,
    createStateMachine: (group, init) => {
      if (owners === undefined) throw new Error("the lane started before its owners were named");
      if (init.kind === "metadata") return owners.coordinator.stateMachineFor(group);
      return owners.broker.stateMachineFor(group, init);
    },
    config: {
      scrubBytesPerSecond: settings.scrubBytesPerSecond,
      scrubIntervalMs: settings.scrubIntervalHours * 3_600_000,
    },
  });
  return { fileSystem, storage, transport, lane, own: (named) => (owners = named) };
}

/** Healing replicas are sent what the cluster's placement policy allows. */
export function followMoveRate(view: MetadataView, lane: Lane): void {
  const tell = (): void => {
    lane.setShipRate(placementPolicy(view.cluster()).moveBytesPerSecond);
  };
  tell();
  view.onChange((keys) => {
    if (keys.includes(METADATA_KEY.cluster)) tell();
  });
}

async function fileSystemOf(options: LaneRuntimeOptions): Promise<FileSystem> {
  const { metrics } = options;
  const counting = new CountingFileSystem(await diskOf(options));
  const { wal, segment } = counting.counts;
  metrics.observedCounter(
    "millrace_wal_synced_writes_total",
    "Writes of the write-ahead log that returned durable: one per group commit.",
    () => wal.syncedWrites,
  );
  metrics.observedCounter(
    "millrace_wal_written_bytes_total",
    "Bytes written to the write-ahead log.",
    () => wal.bytesWritten,
  );
  metrics.observedCounter(
    "millrace_segment_written_bytes_total",
    "Bytes written to segments.",
    () => segment.bytesWritten,
  );
  return counting;
}

/** The disk, with the faults that a test has asked for. */
async function diskOf({ settings, clock, random }: LaneRuntimeOptions): Promise<FileSystem> {
  const { dataDir, testPowerCuts, testDiskSwitches, testSyncDelayMs } = settings;
  const real = new NodeFileSystem();
  let disk: FileSystem = real;
  if (testPowerCuts) {
    const shadowFolder = join(dataDir, "unsynced");
    disk = await PowerCutFileSystem.start({ inner: real, random, shadowFolder });
  }
  if (testDiskSwitches) {
    const switches = { fileSystem: real, folder: join(dataDir, "switches") };
    disk = new SwitchedFileSystem(disk, clock, switches);
  }
  return testSyncDelayMs > 0 ? new DelayedSyncFileSystem(disk, clock, testSyncDelayMs) : disk;
}
