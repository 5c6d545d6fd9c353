/** A machine of the cluster: its disk, its address book, its clock's error, and the process on it, if one runs. */
import type { Clock, Logger } from "@millrace/base";
import type { StreamError } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { LaneStorage } from "@millrace/storage";

import type { Oracle } from "../check/oracle.ts";
import { SimDisk } from "../disk/index.ts";
import { ProcessLife } from "../kernel/process-life.ts";
import type { Calendar } from "../kernel/sim-clock.ts";
import { ClockError, SimClock } from "../kernel/sim-clock.ts";
import { SimRandom } from "../kernel/sim-random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import { WORLD } from "../kernel/scheduler.ts";
import type { SimNetwork } from "../net/network.ts";
import { KEEPALIVE_MS } from "../net/network.ts";
import type { FrameChaos } from "../net/peer-transport.ts";
import type { FaultKind } from "../faults/fault.ts";
import type { SimOptions } from "../options.ts";
import { hostOfNode } from "./addresses.ts";
import type { RunningNode } from "./sim-node.ts";
import { startNode } from "./sim-node.ts";

/** What becomes of unsynced bytes: `process` keeps them for the next process, the others are power cuts. */
export type CrashKind = "process" | "all" | "none" | "subset" | "prefix" | "suffix";

/** Virtual milliseconds until a process that ended by itself is started again. */
const RESTART_MS = 2000;
/** What makes a node's own log fail, upon which its process ends. */
const WRITE_FAULTS: ReadonlySet<FaultKind> = new Set(["disk-error", "no-space", "read-only"]);

export interface SlotDeps {
  readonly nodeId: number;
  readonly options: SimOptions;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly calendar: Calendar;
  readonly oracle: Oracle;
  readonly logger: (name: string) => Logger;
  readonly chaos: () => FrameChaos;
  /** Whether every group has a majority of whole copies on other nodes. */
  readonly isWholeElsewhere: (nodeId: number) => boolean;
  readonly note: (what: string) => void;
  readonly broken: (sentence: string) => void;
  readonly opened: (nodeId: number, storage: LaneStorage) => void;
  readonly sent: (nodeId: number, frame: Uint8Array) => void;
  readonly received: (nodeId: number, frame: Uint8Array) => void;
}

export class NodeSlot {
  readonly nodeId: number;
  readonly host: string;
  readonly clockError: ClockError;
  readonly disk: SimDisk;
  readonly #deps: SlotDeps;
  readonly #book = new Map<number, string>();
  #boot = 0;
  #pauses = 0;
  #life: ProcessLife | undefined;
  #clock: SimClock | undefined;
  /** Undefined while the process is down or recovers its log. */
  running: RunningNode | undefined;
  /** Durable bytes of its disk were damaged: what it says of that is expected. */
  isRotten = false;
  /** Writes went elsewhere, or were taken back: what was written last looks as if power had cut it. */
  hasForgotten = false;
  /** Incarnations whose disks are gone. */
  readonly lostIncarnations = new Set<string>();
  #incarnation: string | undefined;

  constructor(deps: SlotDeps) {
    const { nodeId, options } = deps;
    this.#deps = deps;
    this.nodeId = nodeId;
    this.host = hostOfNode(nodeId);
    const clocks = new SimRandom(options.seed, `clock-${nodeId}`);
    this.clockError = new ClockError(
      () => deps.scheduler.nowMs,
      clocks.between(-50, 50),
      1 + clocks.between(-2e-4, 2e-4),
      deps.calendar,
    );
    this.disk = new SimDisk({
      random: new SimRandom(options.seed, `disk-${nodeId}`),
      clock: this.#diskClock(),
      readMs: options.diskMs,
      writeMs: options.diskMs,
      keepsHistory: options.faults.includes("stale-block"),
    });
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get isPaused(): boolean {
    return this.#life?.paused === true;
  }

  start(): void {
    if (this.#life !== undefined) return;
    const { nodeId, options, network, oracle, chaos, note, logger, scheduler } = this.#deps;
    const boot = ++this.#boot;
    const life = new ProcessLife(`${this.host}.${boot}`);
    const clock = new SimClock(scheduler, life, this.clockError);
    this.#life = life;
    this.#clock = clock;
    note(`${life.name} starts`);
    const started = startNode({
      nodeId,
      options,
      network,
      life,
      boot,
      clock,
      chaos,
      logger: logger(life.name),
      fileSystem: this.disk.mount(),
      book: this.#book,
      watch: (group, machine) => oracle.watch(nodeId, group, machine),
      opened: (storage) => {
        if (life.alive) this.#deps.opened(nodeId, storage);
      },
      sent: (frame) => this.#deps.sent(nodeId, frame),
      received: (frame) => this.#deps.received(nodeId, frame),
    });
    started.then(
      (running) => {
        if (!life.alive) return;
        note(`${life.name} runs`);
        this.running = running;
        this.#incarnation = running.storage.identity.incarnation;
        running.lane.onFailure((error) => this.#failed(life, error));
      },
      (error: unknown) => {
        if (!life.alive) return;
        this.#failed(life, asStreamError(error));
      },
    );
  }

  /** The process ends and is started again, as an orchestrator does it. Damage is never expected. */
  #failed(life: ProcessLife, error: StreamError): void {
    const { note, broken, scheduler, options } = this.#deps;
    const isExpected =
      error.code === "corrupt"
        ? this.isRotten
        : this.isRotten || options.faults.some((kind) => WRITE_FAULTS.has(kind));
    if (!isExpected) {
      broken(`${life.name}: ${error.code}: ${error.message}`);
      return;
    }
    note(`${life.name} ends: ${error.message}`);
    scheduler.after(0, WORLD, `${life.name} exit`, () => {
      if (this.#life !== life) return;
      const hasRun = this.running !== undefined;
      this.crash("process");
      scheduler.after(RESTART_MS, WORLD, `${this.host} restart`, () => {
        if (!hasRun && !this.isUp && this.#cannotProveItself(error)) this.wipe();
        this.start();
      });
    });
  }

  /** Both copies of its identity are damaged: a person moves its data away, as the error says, once the others can spare it. */
  #cannotProveItself({ code, message }: StreamError): boolean {
    const isMeant = code === "corrupt" && message.includes("who it is");
    return isMeant && this.#deps.isWholeElsewhere(this.nodeId);
  }

  crash(kind: CrashKind): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#deps.note(`${life.name} crashes, ${kind}`);
    life.alive = false;
    this.#life = undefined;
    this.running = undefined;
    // A machine that loses its power sends no last packet.
    this.#deps.network.ended(life, kind !== "process");
    if (kind === "process") this.disk.killProcess();
    else this.disk.powerCut({ lose: kind });
  }

  /** The machine gets an empty disk, and is not known by any cluster. */
  wipe(): void {
    this.#deps.note(`${this.host} gets an empty disk`);
    this.disk.wipe();
    // What waits to be done to the former disk is not done to the new one, which nothing would call damaged.
    this.disk.disarm();
    if (this.#incarnation !== undefined) this.lostIncarnations.add(this.#incarnation);
    this.#incarnation = undefined;
    this.#book.clear();
    this.isRotten = false;
    this.hasForgotten = false;
  }

  pause(): void {
    if (this.#life === undefined) return;
    const life = this.#life;
    const pause = ++this.#pauses;
    const { note, network, scheduler } = this.#deps;
    note(`${life.name} pauses`);
    life.paused = true;
    scheduler.after(KEEPALIVE_MS, WORLD, `${life.name} silent`, () => {
      if (life.alive && life.paused && pause === this.#pauses) network.ended(life, false);
    });
  }

  resume(): void {
    if (this.#life?.paused !== true) return;
    this.#deps.note(`${this.#life.name} goes on`);
    this.#life.paused = false;
    this.#deps.scheduler.resumed(this.#life);
  }

  /** The disk's own time is that of the process that waits for it: a dead one is never answered. */
  #diskClock(): Clock {
    const current = (): SimClock => {
      if (this.#clock === undefined) throw new Error("the disk was used before a process ran");
      return this.#clock;
    };
    return {
      nowMs: () => current().nowMs(),
      monotonicMs: () => current().monotonicMs(),
      schedule: (delayMs, run) => current().schedule(delayMs, run),
      soon: (run) => current().soon(run),
    };
  }
}
