/** Nodes, clients and the network of one run, and what watches them. */
import { SILENT_LOGGER, type LogFields, type Logger } from "@millrace/base";
import type { MetadataView } from "@millrace/model";

import { Checks } from "./check/checks.ts";
import { Oracle } from "./check/oracle.ts";
import { FaultPlan } from "./faults/fault-plan.ts";
import { canSpareBytes, canSpareDisk } from "./faults/spare.ts";
import { History } from "./history.ts";
import type { Calendar } from "./kernel/sim-clock.ts";
import { START_MS } from "./kernel/sim-clock.ts";
import { SimRandom } from "./kernel/sim-random.ts";
import type { RealLoop } from "./kernel/scheduler.ts";
import { Scheduler, WORLD } from "./kernel/scheduler.ts";
import { Trace } from "./kernel/trace.ts";
import { SimNetwork } from "./net/network.ts";
import { NodeSlot } from "./node/node-slot.ts";
import type { SimOptions } from "./options.ts";
import { ClientSlot } from "./workload/client-process.ts";

/** Virtual milliseconds between two looks at every group. */
const LOOK_MS = 100;
/** Looks between two comparisons of all state machines, which takes longer. */
const LOOKS_PER_COMPARISON = 10;
/** Twice what any queue of a connection may hold: a frame or an answer may come on top. */
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;

export class World {
  readonly options: SimOptions;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly calendar: Calendar = { startMs: START_MS };
  readonly oracle = new Oracle();
  readonly history = new History();
  /** The members that the cluster is formed of. */
  readonly nodes: readonly NodeSlot[];
  /** A machine that may join later. */
  readonly spare: NodeSlot;
  readonly producers: readonly ClientSlot[];
  readonly consumers: readonly ClientSlot[];
  readonly registers: readonly ClientSlot[];
  /** They never crash. */
  readonly admin: ClientSlot;
  readonly operator: ClientSlot;
  readonly faults: FaultPlan;
  readonly #checks: Checks;
  #looks = 0;

  constructor(options: SimOptions, loop: RealLoop, print?: (line: string) => void) {
    this.options = options;
    this.trace = new Trace(print);
    const { seed } = options;
    const broken = (sentence: string): void => this.broken(sentence);
    const { oracle } = this;
    this.#checks = new Checks({
      seed,
      oracle,
      broken,
      nodeIds: Array.from({ length: options.nodes + 1 }, (_, at) => at + 1),
      nowMs: () => this.scheduler.nowMs,
      isRotten: (nodeId) => this.#machine(nodeId)?.isRotten === true,
      hasForgotten: (nodeId) => this.#machine(nodeId)?.hasForgotten === true,
      groupOn: (nodeId, groupId) => this.#machine(nodeId)?.running?.lane.group(groupId),
      isDropOrdered: (nodeId, groupId, replicaId) =>
        this.#isDropOrdered(nodeId, groupId, replicaId),
      parentsOf: (groupId) => this.#parentsOf(groupId),
    });
    this.scheduler = new Scheduler(new SimRandom(seed, "ties"), loop);
    this.scheduler.observe = (event) => {
      this.trace.add(event.atMs, event.label);
    };
    const net = new SimRandom(seed, "net");
    this.network = new SimNetwork(this.scheduler, net, options.quality);
    this.nodes = Array.from({ length: options.nodes }, (_, at) => this.#slot(at + 1));
    this.spare = this.#slot(options.nodes + 1);
    for (const { nodeId, disk } of this.machines) {
      disk.observe = (event) => this.#checks.saw(nodeId, disk, event);
    }
    const { scheduler, network, calendar } = this;
    const client = (host: string): ClientSlot => {
      const logger = (name: string): Logger => this.#logger(name);
      const note = (what: string): void => this.note(what);
      return new ClientSlot(host, { options, scheduler, network, calendar, logger, note });
    };
    this.admin = client("admin");
    this.operator = client("op");
    this.producers = names("p", options.producers).map(client);
    this.consumers = names("c", options.consumers).map(client);
    this.registers = names("r", options.registers).map(client);
    this.faults = new FaultPlan({
      canSpare: (nodeId) => this.canSpare(nodeId),
      canSpareBytes: (nodeId) => canSpareBytes(nodeId, this.machines, this.newestView),
      options,
      scheduler: this.scheduler,
      network: this.network,
      nodes: this.nodes,
      clients: [...this.producers, ...this.consumers, ...this.registers],
      random: new SimRandom(seed, "faults"),
      note: (what) => this.note(what),
    });
    this.#look();
  }

  /** Every machine of the cluster, with the one that may have joined. */
  get machines(): readonly NodeSlot[] {
    return [...this.nodes, this.spare];
  }

  /** Metadata as the node knows it that knows most; undefined while none runs. */
  get newestView(): MetadataView | undefined {
    let newest: MetadataView | undefined;
    for (const { running } of this.machines) {
      const view = running?.coordinator.localView;
      if (view !== undefined && (newest === undefined || view.index > newest.index)) newest = view;
    }
    return newest;
  }

  /** The calendar's milliseconds now. */
  get calendarMs(): number {
    return this.calendar.startMs + this.scheduler.nowMs;
  }

  note(what: string): void {
    this.trace.add(this.scheduler.nowMs, `- ${what}`);
  }

  broken(sentence: string): void {
    this.note(`BROKEN ${sentence}`);
    this.oracle.violations.push(sentence);
  }

  #slot(nodeId: number): NodeSlot {
    const { options, scheduler, network, oracle, calendar } = this;
    return new NodeSlot({
      nodeId,
      options,
      scheduler,
      network,
      calendar,
      oracle,
      logger: (name) => this.#logger(name),
      chaos: () => this.faults.chaos,
      isWholeElsewhere: (id) => canSpareBytes(id, this.machines, this.newestView),
      note: (what) => this.note(what),
      broken: (sentence) => this.broken(sentence),
      opened: (id, storage) => {
        const disk = this.#machine(id)?.disk;
        if (disk !== undefined) this.#checks.opened(id, disk, storage);
      },
      sent: (id, frame) => this.#checks.sent(id, frame),
      received: (id, frame) => this.#checks.received(id, frame),
    });
  }

  #machine(nodeId: number): NodeSlot | undefined {
    return this.machines.find((node) => node.nodeId === nodeId);
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
    const running = this.machines.flatMap((node) => node.running ?? []);
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

  /** Whether all groups could do without what one node's disk holds. */
  canSpare(nodeId: number): boolean {
    return canSpareDisk(nodeId, this.machines, this.newestView);
  }

  #look(): void {
    this.scheduler.after(LOOK_MS, WORLD, "look", () => {
      for (const { nodeId, running } of this.machines) {
        if (running !== undefined) this.oracle.look(nodeId, running.lane);
      }
      const queued = this.network.queuedBytesMost;
      if (queued > QUEUED_BYTES_MAX) this.broken(`L6: ${queued} bytes wait on one connection`);
      this.#checks.ask(this.machines.flatMap(({ running }) => running?.lane ?? []));
      this.#looks += 1;
      if (this.#looks % LOOKS_PER_COMPARISON === 0) this.#compare();
      this.#look();
    });
  }

  #compare(): void {
    const lanes = this.machines.flatMap(({ running }) => running?.lane ?? []);
    this.#checks.compare(lanes);
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
