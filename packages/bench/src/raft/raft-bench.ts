/**
 * What the consensus core alone costs: three nodes in one process, storage in memory, one core.
 *
 *   throughput  one group, batches of 64 entries of 128 bytes, each batch committed and applied on
 *               all three nodes before the next one is proposed
 *   idle        many groups in which nothing happens but heartbeats
 *   memory      what one replica of such a group holds
 *
 * Rates are given per second of the wall and per second of CPU of the whole process, collection of
 * garbage included: on a machine that does other work too only the second one can be compared.
 */
import { allocatedBytes, liveBytes } from "./heap.ts";
import { MemoryGroup } from "./memory-group.ts";

const ENTRY_BYTES = 128;
const BATCH_ENTRIES = 64;
const ELECTION_TICKS = 10;
/** Rounds of heartbeats before anything is measured, so that the code is compiled. */
const WARM_UP_ROUNDS = 40;
const ALLOCATION_BATCHES = 15;
/** Groups in which allocation is measured: few, so that no collection comes in between. */
const ALLOCATION_GROUPS = 32;

export interface RaftBenchOptions {
  /** Seconds of each round of the throughput and of the heartbeat measurement. */
  readonly seconds: number;
  readonly rounds: number;
  readonly groups: number;
  readonly progress: (text: string) => void;
}

export interface Throughput {
  readonly entriesPerSecond: number;
  readonly entriesPerCpuSecond: number;
  readonly messagesPerBatch: number;
  readonly bytesAllocatedPerEntry: number;
}

export interface IdleGroups {
  readonly groups: number;
  readonly messagesPerRound: number;
  readonly microsecondsPerRound: number;
  readonly cpuMicrosecondsPerRound: number;
  /** Of one group and its three nodes: the core and the host of memory-group.ts together. */
  readonly bytesAllocatedPerGroup: number;
}

export interface ReplicaMemory {
  readonly replicas: number;
  /** Heap of one `RaftNode`. */
  readonly coreBytesPerReplica: number;
  /** Heap of its `MemoryStorage`, which a host replaces by its own. */
  readonly storageBytesPerReplica: number;
}

export interface RaftBenchResult {
  readonly throughput: readonly Throughput[];
  readonly idle: readonly IdleGroups[];
  readonly memory: ReplicaMemory;
}

/** A small generator with a fixed seed: election timeouts are the only random thing here. */
function seededRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

function newGroup(random: (bound: number) => number): MemoryGroup {
  return new MemoryGroup({ random, electionTicks: ELECTION_TICKS });
}

/** The whole measurement. */
export function runRaftBench(options: RaftBenchOptions): RaftBenchResult {
  const throughput: Throughput[] = [];
  const idle: IdleGroups[] = [];
  const memory = measureMemory(options.groups, options.progress);
  const groups = makeGroups(options.groups);
  for (let round = 1; round <= options.rounds; round += 1) {
    options.progress(`round ${round} of ${options.rounds}: one busy group`);
    throughput.push(measureThroughput(options.seconds));
    options.progress(`round ${round} of ${options.rounds}: ${options.groups} idle groups`);
    idle.push(measureIdle(groups, options.seconds));
  }
  return { throughput, idle, memory };
}

interface Spent {
  readonly wallMicroseconds: number;
  readonly cpuMicroseconds: number;
  readonly calls: number;
}

/** Repeats `work` for so many seconds; the clock is read once in `callsPerLook` calls. */
function repeat(seconds: number, callsPerLook: number, work: () => void): Spent {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1000) {
    for (let i = 0; i < callsPerLook; i += 1) work();
    calls += callsPerLook;
    elapsed = performance.now() - started;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMicroseconds: elapsed * 1000, cpuMicroseconds: user + system, calls };
}

function measureThroughput(seconds: number): Throughput {
  const group = newGroup(seededRandom(1));
  const leader = group.elect();
  // Views of one slab, made once: the core never reads a payload, and where payloads come from is
  // the host's affair.
  const slab = new Uint8Array(BATCH_ENTRIES * ENTRY_BYTES);
  const batch = Array.from({ length: BATCH_ENTRIES }, (_, i) =>
    slab.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES),
  );
  const commitOne = (): void => {
    const refused = leader.proposeBatch(batch);
    if (refused !== undefined) throw refused;
    group.settle();
  };
  repeat(Math.min(1, seconds), 16, commitOne);
  const messagesBefore = group.messages;
  const appliedBefore = appliedEverywhere(group);
  const spent = repeat(seconds, 16, commitOne);
  const entries = spent.calls * BATCH_ENTRIES;
  if (appliedEverywhere(group) - appliedBefore !== entries * group.members.length) {
    throw new Error("an entry was not applied on all members");
  }
  return {
    entriesPerSecond: (entries * 1e6) / spent.wallMicroseconds,
    entriesPerCpuSecond: (entries * 1e6) / spent.cpuMicroseconds,
    messagesPerBatch: (group.messages - messagesBefore) / spent.calls,
    bytesAllocatedPerEntry: allocatedBytes(commitOne, ALLOCATION_BATCHES, 5) / BATCH_ENTRIES,
  };
}

function appliedEverywhere(group: MemoryGroup): number {
  return group.members.reduce((sum, { appliedEntries }) => sum + appliedEntries, 0);
}

function makeGroups(count: number): readonly MemoryGroup[] {
  const random = seededRandom(2);
  const groups = Array.from({ length: count }, () => newGroup(random));
  for (const group of groups) group.elect();
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) heartbeat(groups);
  return groups;
}

/** One tick of every node of every group, and everything that follows from it. */
function heartbeat(groups: readonly MemoryGroup[]): void {
  for (const group of groups) {
    group.tick();
    group.settle();
  }
}

function messagesOf(groups: readonly MemoryGroup[]): number {
  return groups.reduce((sum, { messages }) => sum + messages, 0);
}

function measureIdle(groups: readonly MemoryGroup[], seconds: number): IdleGroups {
  const round = (): void => heartbeat(groups);
  const few = groups.slice(0, ALLOCATION_GROUPS);
  const before = messagesOf(groups);
  const spent = repeat(seconds, 1, round);
  return {
    groups: groups.length,
    messagesPerRound: (messagesOf(groups) - before) / spent.calls,
    microsecondsPerRound: spent.wallMicroseconds / spent.calls,
    cpuMicrosecondsPerRound: spent.cpuMicroseconds / spent.calls,
    // As many rounds as there are between two quorum checks.
    bytesAllocatedPerGroup:
      allocatedBytes(() => heartbeat(few), ALLOCATION_BATCHES, ELECTION_TICKS) / few.length,
  };
}

/**
 * The share of the cores is what is freed when the nodes alone are dropped, so that storages, groups
 * and queues of this benchmark are not in it.
 */
function measureMemory(groups: number, progress: (text: string) => void): ReplicaMemory {
  progress(`memory of ${groups} groups`);
  let made = makeGroups(groups);
  const storages = made.flatMap(({ members }) => members.map(({ storage }) => storage));
  const nodes = made.flatMap(({ members }) => members.map(({ node }) => node));
  made = [];
  const all = liveBytes();
  const replicas = nodes.length;
  nodes.length = 0;
  const withoutNodes = liveBytes();
  storages.length = 0;
  const withoutStorages = liveBytes();
  return {
    replicas,
    coreBytesPerReplica: (all - withoutNodes) / replicas,
    storageBytesPerReplica: (withoutNodes - withoutStorages) / replicas,
  };
}
