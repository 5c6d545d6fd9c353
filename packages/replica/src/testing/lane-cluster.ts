/**
 * A cluster of lanes in one process, under virtual time: what brokers and coordinators are tested
 * on. The lanes, the core and the storage are the real ones; clock, network and disk are not.
 */
import { StreamError } from "@millrace/base";
import { RecordingLogger, SeededRandom, VirtualClock } from "@millrace/base/testing";
import { LaneStorage, type EntryMetaReader } from "@millrace/storage";
import { MemoryFileSystem } from "@millrace/storage/testing";
import { NO_METRICS } from "@millrace/base";

import type { LaneConfig } from "../config.ts";
import type { Group } from "../group.ts";
import { Lane } from "../lane.ts";
import type { GroupInit, GroupKind, StateMachine } from "../types.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { NodeClock } from "./node-clock.ts";
import { RecordingMachine } from "./recording-machine.ts";

export type MachineFactory = (nodeId: number, group: Group, init: GroupInit) => StateMachine;

export interface LaneClusterOptions {
  /** Nodes 1..nodes, 1..9. @default 3 */
  readonly nodes?: number;
  /** Printed by a test that draws it. @default 1 */
  readonly seed?: number;
  /** @default a {@link RecordingMachine} per replica */
  readonly createStateMachine?: MachineFactory;
  readonly config?: Partial<LaneConfig>;
  readonly delayMs?: readonly [least: number, most: number];
  /** How long a synced write takes on every node, milliseconds; can be changed later. @default 0 */
  readonly syncMs?: number;
  readonly entryMeta?: EntryMetaReader;
  /** Bytes of flushed entries that each node keeps in memory. @default that of storage */
  readonly tailCacheBytes?: number;
  /** Must hold what can be uncommitted at once, or storage turns in circles. @default 1 MiB */
  readonly walFileBytes?: number;
}

/** What a process of the cluster consists of; replaced by a restart, but for the disk. */
interface Process {
  readonly clock: NodeClock;
  readonly storage: LaneStorage;
  readonly lane: Lane;
}

const WAL_FILE_BYTES = 1024 * 1024;
/** By then every frame has arrived that a node sent before it ended. */
const OLD_FRAMES_MS = 100;

/** Bytes of every file, by path. */
export type DiskCopy = ReadonlyMap<string, Uint8Array>;

/** The disk of a node: it outlives the process. */
export class ClusterDisk {
  readonly fileSystem: MemoryFileSystem;
  /** How long a synced write takes, milliseconds. */
  syncMs: number;
  /** Synced writes and syncs that took effect since `reset`. */
  syncedWrites = 0;
  /** While true no synced write ends. */
  isStalled = false;
  readonly #stalled: (() => void)[] = [];

  constructor(world: VirtualClock, syncMs: number) {
    this.syncMs = syncMs;
    this.fileSystem = new MemoryFileSystem({
      latency: (operation, path) => {
        if (operation !== "write" || !path.includes("wal")) return Promise.resolve();
        return new Promise((resolve) => {
          if (this.isStalled) this.#stalled.push(resolve);
          else if (this.syncMs === 0) resolve();
          else world.schedule(this.syncMs, resolve);
        });
      },
    });
  }

  /** Lets the stalled writes end. */
  resume(): void {
    this.isStalled = false;
    for (const resolve of this.#stalled.splice(0)) resolve();
  }
}

export class LaneCluster {
  readonly clock = new VirtualClock();
  readonly logger = new RecordingLogger();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly #options: LaneClusterOptions;
  readonly #disks = new Map<number, ClusterDisk>();
  readonly #processes = new Map<number, Process>();
  /** Nodes that have not been started since their disk was replaced. */
  readonly #hasNewDisk = new Set<number>();

  /** Starts all nodes. */
  static async create(options: LaneClusterOptions = {}): Promise<LaneCluster> {
    const cluster = new LaneCluster(options);
    const nodes = options.nodes ?? 3;
    for (let nodeId = 1; nodeId <= nodes; nodeId += 1) {
      cluster.#disks.set(nodeId, new ClusterDisk(cluster.clock, options.syncMs ?? 0));
    }
    await Promise.all([...cluster.#disks.keys()].map((nodeId) => cluster.restart(nodeId)));
    await cluster.run(500); // the nodes get to know each other
    return cluster;
  }

  private constructor(options: LaneClusterOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1);
    const { clock, random } = this;
    this.network = new MemoryNetwork({
      clock,
      random,
      ...(options.delayMs === undefined ? {} : { delayMs: options.delayMs }),
    });
  }

  get nodeIds(): readonly number[] {
    return [...this.#disks.keys()];
  }

  get liveNodeIds(): readonly number[] {
    return [...this.#processes.keys()];
  }

  /** @throws StreamError `wrong-state` when the node is down. */
  lane(nodeId: number): Lane {
    return this.#process(nodeId).lane;
  }

  storage(nodeId: number): LaneStorage {
    return this.#process(nodeId).storage;
  }

  disk(nodeId: number): ClusterDisk {
    const disk = this.#disks.get(nodeId);
    if (disk === undefined) throw new StreamError("not-found", `there is no node ${nodeId}`);
    return disk;
  }

  nodeClock(nodeId: number): NodeClock {
    return this.#process(nodeId).clock;
  }

  isAlive(nodeId: number): boolean {
    return this.#processes.has(nodeId);
  }

  /** Replica ids are `groupId * 10 + nodeId`. @throws StreamError `not-found`. */
  group(nodeId: number, groupId: number): Group {
    const group = this.lane(nodeId).group(groupId);
    if (group === undefined) throw new StreamError("not-found", `no group ${groupId} there`);
    return group;
  }

  /** The replica that leads and is ready, with the highest term. */
  leader(groupId: number): Group | undefined {
    const leaders = [...this.#processes.values()]
      .map(({ lane }) => lane.group(groupId))
      .filter((group) => group?.isReadyLeader === true);
    return leaders.sort((a, b) => (b?.term ?? 0) - (a?.term ?? 0))[0];
  }

  /** Node on which {@link leader} is. */
  leaderNode(groupId: number): number | undefined {
    const leader = this.leader(groupId);
    return leader?.members.find(({ replicaId }) => replicaId === leader.replicaId)?.nodeId;
  }

  /** Makes the group on all its nodes at once. */
  async createGroup(
    groupId: number,
    options: {
      readonly kind?: GroupKind;
      readonly nodes?: readonly number[];
      readonly preferred?: number;
    } = {},
  ): Promise<void> {
    const nodes = options.nodes ?? this.nodeIds;
    const members = nodes.map((nodeId) => ({ replicaId: groupId * 10 + nodeId, nodeId }));
    const made = Promise.all(
      members.map(({ replicaId, nodeId }) =>
        this.lane(nodeId).createGroup({
          groupId,
          replicaId,
          kind: options.kind ?? "shard",
          members,
          preferredLeader: nodeId === options.preferred,
        }),
      ),
    );
    await this.until(made, 60_000);
  }

  /** Proposes at the leader and waits: undefined when committed and applied there. */
  async propose(groupId: number, data: Uint8Array): Promise<StreamError | undefined> {
    const leader = this.leader(groupId);
    if (leader === undefined) return new StreamError("unavailable", `no leader of ${groupId}`);
    const answer = new Promise<StreamError | undefined>((resolve) => {
      const at = leader.propose(data, undefined, resolve);
      if (at instanceof StreamError) resolve(at);
    });
    return this.until(answer, 30_000);
  }

  /** Asks a replica for a linearizable index. */
  readIndex(nodeId: number, groupId: number): Promise<number | StreamError> {
    const answer = new Promise<number | StreamError>((resolve) => {
      this.group(nodeId, groupId).readIndex(resolve);
    });
    return this.until(answer, 30_000);
  }

  // ---- Time ----

  /** Lets `ms` of virtual time pass, in steps of one, with all that they cause. */
  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1) {
      this.clock.advance(1);
      await this.#settle();
    }
  }

  /** Runs until `condition` holds. @throws StreamError `deadline` after `timeoutMs` of virtual time. */
  async runUntil(condition: () => boolean, timeoutMs = 30_000): Promise<number> {
    const startMs = this.clock.monotonicMs();
    await this.#settle();
    while (!condition()) {
      if (this.clock.monotonicMs() - startMs >= timeoutMs) {
        throw new StreamError("deadline", `nothing came of it in ${timeoutMs} ms`);
      }
      await this.run(1);
    }
    return this.clock.monotonicMs() - startMs;
  }

  /** Runs until `promise` settles. */
  async until<T>(promise: Promise<T>, timeoutMs = 30_000): Promise<T> {
    let isSettled = false;
    const note = (): void => {
      isSettled = true;
    };
    promise.then(note, note);
    await this.runUntil(() => isSettled, timeoutMs);
    return promise;
  }

  /** Runs until every given group has a leader that is ready. */
  async electAll(groupIds: readonly number[], timeoutMs = 30_000): Promise<number> {
    return this.runUntil(
      () => groupIds.every((groupId) => this.leader(groupId) !== undefined),
      timeoutMs,
    );
  }

  // ---- Faults ----

  /**
   * The process dies at once. `lose: "all"` takes what was not synced along, as a power loss does.
   */
  kill(nodeId: number, lose: "all" | "subset" | "none" = "all"): void {
    const { clock, lane } = this.#process(nodeId);
    clock.isAlive = false;
    this.#processes.delete(nodeId);
    this.disk(nodeId).fileSystem.crash({ lose, random: this.random });
    this.disk(nodeId).resume();
    void lane.stop();
  }

  /** Gives a node that is down an empty disk: it comes back as another incarnation. */
  replaceDisk(nodeId: number): void {
    const { syncMs } = this.disk(nodeId);
    this.#disks.set(nodeId, new ClusterDisk(this.clock, syncMs));
    this.#hasNewDisk.add(nodeId);
  }

  /** What is on a node's disk now, for {@link putBackDisk}. */
  copyDisk(nodeId: number): DiskCopy {
    const { fileSystem } = this.disk(nodeId);
    return new Map(fileSystem.paths().map((path) => [path, fileSystem.bytesOf(path)]));
  }

  /** Gives a node that is down an older copy of its disk, as from a backup. */
  async putBackDisk(nodeId: number, copy: DiskCopy): Promise<void> {
    const { fileSystem } = this.disk(nodeId);
    const newer = fileSystem.paths().filter((path) => !copy.has(path));
    await this.until(Promise.all(newer.map((path) => fileSystem.remove(path))));
    for (const [path, bytes] of copy) fileSystem.setBytes(path, bytes);
    fileSystem.settle();
  }

  /**
   * Starts the node from its disk.
   * @param options.confirm tells the others that its incarnation may talk to them. @default true
   */
  async restart(nodeId: number, options: { readonly confirm?: boolean } = {}): Promise<void> {
    // Nobody confirms an incarnation while frames of the one before it are still under way.
    if (this.#hasNewDisk.delete(nodeId)) await this.run(OLD_FRAMES_MS);
    const clock = new NodeClock(this.clock);
    const { fileSystem } = this.disk(nodeId);
    const logger = this.logger.child({ nodeId });
    const opening = LaneStorage.open({
      fileSystem,
      clock,
      random: new SeededRandom(this.random.uniform(2 ** 32)),
      metrics: NO_METRICS,
      logger,
      directory: "/lane",
      nodeId,
      entryMeta: this.#options.entryMeta ?? (() => false),
      walFileBytes: this.#options.walFileBytes ?? WAL_FILE_BYTES,
      ...(this.#options.tailCacheBytes === undefined
        ? {}
        : { tailCacheBytes: this.#options.tailCacheBytes }),
    });
    const storage = await this.until(opening);
    const lane = new Lane({
      nodeId,
      storage,
      transport: this.network.transport(nodeId),
      clock,
      random: new SeededRandom(this.random.uniform(2 ** 32)),
      logger,
      metrics: NO_METRICS,
      createStateMachine: (group, init) => this.#makeMachine(nodeId, group, init),
      ...(this.#options.config === undefined ? {} : { config: this.#options.config }),
    });
    this.#processes.set(nodeId, { clock, storage, lane });
    for (const peer of this.nodeIds) if (peer !== nodeId) lane.setPeer(peer, `node-${peer}:1`);
    if (options.confirm !== false) this.#confirm(nodeId);
    lane.start();
  }

  /** Stops all that runs. */
  async stop(): Promise<void> {
    const processes = [...this.#processes.values()];
    this.#processes.clear();
    for (const { lane, clock } of processes) {
      await lane.stop();
      clock.isAlive = false;
    }
  }

  #confirm(nodeId: number): void {
    for (const { lane } of this.#processes.values()) lane.setPeer(nodeId, `node-${nodeId}:1`);
  }

  #makeMachine(nodeId: number, group: Group, init: GroupInit): StateMachine {
    const make = this.#options.createStateMachine;
    return make === undefined ? new RecordingMachine() : make(nodeId, group, init);
  }

  #process(nodeId: number): Process {
    const process = this.#processes.get(nodeId);
    if (process === undefined) throw new StreamError("wrong-state", `node ${nodeId} is down`);
    return process;
  }

  /** Lets promises and the ends of turns run until nothing more comes of them. */
  async #settle(): Promise<void> {
    for (let i = 0; i < 3; i += 1) {
      this.clock.runSoon();
      // eslint-disable-next-line no-restricted-globals -- lets all promises of this moment settle
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.clock.runSoon();
  }
}
