/** Nodes, clients and the network of one run, and what watches them. */
import { SILENT_LOGGER, type LogFields, type Logger } from "@millrace/base";

import { CommitQuorum } from "./check/commit-quorum.ts";
import { DiskPromises } from "./check/disk-promises.ts";
import { LeaderRules } from "./check/leader-rules.ts";
import { eachMessage, MessagePromises } from "./check/message-promises.ts";
import { Oracle } from "./check/oracle.ts";
import { ReadWatch } from "./check/read-watch.ts";
import { ShardWatch } from "./check/shard-watch.ts";
import { FaultPlan } from "./faults/fault-plan.ts";
import { History } from "./history.ts";
import { SimRandom } from "./kernel/sim-random.ts";
import type { RealLoop } from "./kernel/scheduler.ts";
import { Scheduler, WORLD } from "./kernel/scheduler.ts";
import { Trace } from "./kernel/trace.ts";
import { SimNetwork } from "./net/network.ts";
import { NodeSlot } from "./node/node-slot.ts";
import type { SimOptions } from "./options.ts";
import type { ClientProcess } from "./workload/client-process.ts";
import { startClient } from "./workload/client-process.ts";

/** Virtual milliseconds between two looks at every group. */
const LOOK_MS = 100;
/** Looks between two comparisons of all state machines, which takes longer. */
const LOOKS_PER_COMPARISON = 10;

export class World {
  readonly options: SimOptions;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly oracle = new Oracle();
  readonly history = new History();
  readonly nodes: readonly NodeSlot[];
  readonly producers: readonly ClientProcess[];
  readonly consumers: readonly ClientProcess[];
  readonly admin: ClientProcess;
  readonly faults: FaultPlan;
  readonly #disks: DiskPromises;
  readonly #messages: MessagePromises;
  readonly #rules: LeaderRules;
  readonly #reads: ReadWatch;
  readonly #shards: ShardWatch;
  #looks = 0;

  constructor(options: SimOptions, loop: RealLoop, print?: (line: string) => void) {
    this.options = options;
    this.trace = new Trace(print);
    const { seed } = options;
    this.scheduler = new Scheduler(new SimRandom(seed, "ties"), loop);
    this.scheduler.observe = (event) => {
      this.trace.add(event.atMs, event.label);
    };
    const net = new SimRandom(seed, "net");
    this.network = new SimNetwork(this.scheduler, net, options.quality);
    const broken = (sentence: string): void => this.broken(sentence);
    const isDropOrdered = this.#isDropOrdered.bind(this);
    const isRotten = (nodeId: number): boolean =>
      this.nodes.some((node) => node.nodeId === nodeId && node.isRotten);
    const { oracle } = this;
    this.#disks = new DiskPromises({
      broken,
      isRotten,
      appliedTerm: (groupId, index) => oracle.appliedTerm(groupId, index),
      newestApplied: (groupId) => oracle.newestApplied(groupId),
      isDropOrdered,
    });
    this.#messages = new MessagePromises(this.#disks, broken);
    const newestApplied = (groupId: number): number => this.oracle.newestApplied(groupId);
    this.#reads = new ReadWatch(new SimRandom(seed, "reads"), newestApplied, broken);
    this.oracle.onGroup = (nodeId, group) => this.#reads.watch(nodeId, group);
    const parentsOf = (groupId: number): readonly number[] => this.#parentsOf(groupId);
    this.#shards = new ShardWatch({ broken, parentsOf });
    this.oracle.onApplied = (nodeId, group, machine) => {
      this.#shards.applied(nodeId, group, machine);
      this.#rules.applied(nodeId, group);
    };
    this.oracle.onLeader = (group, term) => this.#rules.leads(group, term);
    this.nodes = Array.from({ length: options.nodes }, (_, at) => this.#slot(at + 1));
    const nodeIds = this.nodes.map(({ nodeId }) => nodeId);
    this.#rules = new LeaderRules({ disks: this.#disks, nodeIds, broken });
    const quorum = new CommitQuorum(this.#disks, nodeIds, broken);
    this.oracle.onFirstApplied = (...applied) => quorum.applied(...applied);
    const client = (name: string): ClientProcess =>
      startClient(name, options, this.scheduler, this.network, this.#logger(name));
    this.admin = client("admin");
    this.producers = names("p", options.producers).map(client);
    this.consumers = names("c", options.consumers).map(client);
    this.faults = new FaultPlan({
      canSpare: (nodeId) => this.#canSpare(nodeId),
      options,
      scheduler: this.scheduler,
      network: this.network,
      nodes: this.nodes,
      clients: [...this.producers, ...this.consumers].map(({ name }) => name),
      random: new SimRandom(seed, "faults"),
      note: (what) => this.note(what),
    });
    this.#look();
  }

  note(what: string): void {
    this.trace.add(this.scheduler.nowMs, `- ${what}`);
  }

  broken(sentence: string): void {
    this.note(`BROKEN ${sentence}`);
    this.oracle.violations.push(sentence);
  }

  #slot(nodeId: number): NodeSlot {
    const { options, scheduler, network, oracle } = this;
    return new NodeSlot({
      nodeId,
      options,
      scheduler,
      network,
      oracle,
      logger: (name) => this.#logger(name),
      chaos: () => this.faults.chaos,
      note: (what) => this.note(what),
      broken: (sentence) => this.broken(sentence),
      opened: (id, storage) => {
        this.#disks.opened(id, storage);
        this.#rules.opened(id);
      },
      sent: (id, frame) => {
        eachMessage(frame, (groupId, message) => {
          this.#messages.said(id, groupId, message);
          this.#rules.said(id, groupId, message);
        });
      },
      received: (id, frame) => {
        eachMessage(frame, (groupId, message) => this.#rules.received(id, groupId, message));
      },
    });
  }

  /** Groups of a shard's parents, as far as some node knows them. */
  #parentsOf(groupId: number): readonly number[] {
    for (const { running } of this.nodes) {
      const view = running?.client.view;
      const shard = view?.shardOfGroup(groupId);
      if (view === undefined || shard === undefined) continue;
      const { streamId, parentShardIndex, adjacentParentShardIndex } = shard;
      return [parentShardIndex, adjacentParentShardIndex].flatMap((index) =>
        index === undefined ? [] : (view.shard(streamId, index)?.groupId ?? []),
      );
    }
    return [];
  }

  /** Whether any copy of metadata has ordered that a replica goes. */
  #isDropOrdered(nodeId: number, groupId: number, replicaId: number): boolean {
    const running = this.nodes.flatMap((node) => node.running ?? []);
    const views = running.flatMap(({ coordinator, client }) => [
      ...(coordinator.localView === undefined ? [] : [coordinator.localView]),
      client.view,
    ]);
    return views.some(
      (view) =>
        view.list("tombstone").some((record) => record.groupId === groupId) ||
        view
          .list("retired")
          .some(
            ({ groupId: of, replica }) =>
              of === groupId && replica.nodeId === nodeId && replica.replicaId === replicaId,
          ),
    );
  }

  /**
   * Whether all groups could do without what one node's disk holds: each has all its replicas, none is
   * on the move, so a majority of whole copies stays (reference E.1, the fault atlas).
   */
  #canSpare(nodeId: number): boolean {
    if (this.nodes.some((node) => node.isRotten && node.nodeId !== nodeId)) return false;
    const views = this.nodes.flatMap(({ running }) => running?.coordinator.localView ?? []);
    const newest = views.reduce<(typeof views)[number] | undefined>(
      (best, view) => (best === undefined || view.index > best.index ? view : best),
      undefined,
    );
    const metadata = newest?.cluster()?.metadataGroup;
    if (newest === undefined || metadata === undefined) return false;
    // A disk that was wiped counts as lost from that moment, not from when metadata knows it.
    const isReplaced = this.nodes.every(({ nodeId: id, lostIncarnations }) => {
      const known = newest.node(id)?.incarnation;
      return known === undefined || !lostIncarnations.has(known);
    });
    if (!isReplaced) return false;
    return [metadata, ...newest.list("shard")].every(
      ({ replicas, move }) =>
        move === undefined &&
        replicas.length >= 3 &&
        replicas.every(({ state, nodeId: at, incarnation }) => {
          return state === "created" && newest.node(at)?.incarnation === incarnation;
        }),
    );
  }

  #look(): void {
    this.scheduler.after(LOOK_MS, WORLD, "look", () => {
      for (const { nodeId, running } of this.nodes) {
        if (running !== undefined) this.oracle.look(nodeId, running.lane);
      }
      this.#reads.ask(this.nodes.flatMap(({ running }) => running?.lane ?? []));
      this.#looks += 1;
      if (this.#looks % LOOKS_PER_COMPARISON === 0) this.#compare();
      this.#look();
    });
  }

  #compare(): void {
    const lanes = this.nodes.flatMap(({ running }) => running?.lane ?? []);
    this.#rules.compareLogs(this.oracle.groupIds);
    this.#shards.compare(new Set(lanes.flatMap((lane) => [...lane.groups()])));
  }

  /** What a process logs is part of the trace. */
  #logger(name: string): Logger {
    const write = (level: string) => (message: string, fields?: LogFields) => {
      this.note(`${name} ${level} ${message} ${fields === undefined ? "" : inWords(fields)}`);
    };
    const logger: Logger = {
      ...SILENT_LOGGER,
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: () => logger,
    };
    return logger;
  }
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
}

function inWords(fields: LogFields): string {
  const plain = (_: string, value: unknown): unknown =>
    value instanceof Error ? value.message : typeof value === "bigint" ? String(value) : value;
  return JSON.stringify(fields, plain);
}
