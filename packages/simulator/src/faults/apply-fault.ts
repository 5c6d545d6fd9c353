/** Carries a fault out, ends it when its time is over, and notes whether anything came of it. */
import type { Scheduler } from "../kernel/scheduler.ts";
import { WORLD } from "../kernel/scheduler.ts";
import type { SimNetwork } from "../net/network.ts";
import type { FrameChaos } from "../net/peer-transport.ts";
import { NO_CHAOS } from "../net/peer-transport.ts";
import type { NodeSlot } from "../node/node-slot.ts";
import type { ClientSlot } from "../workload/client-process.ts";
import type { Fault, FaultAction, FaultEffect } from "./fault.ts";

export interface ApplyDeps {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly nodes: readonly NodeSlot[];
  readonly clients: readonly ClientSlot[];
}

type Act<Name extends FaultAction["act"]> = Extract<FaultAction, { readonly act: Name }>;

export class FaultActor {
  readonly #deps: ApplyDeps;
  #isOver = false;
  #chaos: (FrameChaos & { readonly effect: FaultEffect }) | undefined;

  constructor(deps: ApplyDeps) {
    this.#deps = deps;
  }

  /** What frames between nodes meet now. */
  get chaos(): FrameChaos {
    return this.#chaos ?? NO_CHAOS;
  }

  apply(fault: Fault, effect: FaultEffect): void {
    switch (fault.act) {
      case "crash":
        return this.#crash(fault, effect, fault.again ?? 0);
      case "wipe":
        return this.#wipe(fault, effect);
      case "pause":
        return this.#pause(fault, effect);
      case "cut":
        return this.#cut(fault, effect);
      case "slow":
        return this.#slow(fault, effect);
      case "half-open":
        effect.happened ||= this.#deps.network.halfOpen(fault.from, fault.to);
        return;
      case "frames":
        return this.#frames(fault, effect);
      case "resets":
        return this.#resets(fault, effect);
      case "clock":
        return this.#clock(fault, effect);
      case "drift":
        return this.#drift(fault, effect);
      case "disk":
        return this.#disk(fault, effect);
      case "client-crash":
        return this.#crashClient(fault, effect);
      case "no-space":
        return this.#noSpace(fault, effect);
      case "read-only":
        return this.#readOnly(fault, effect);
      case "rot":
        return this.#rot(fault, effect);
    }
  }

  /** No fault goes on; everything runs, is connected and has the right time again. */
  heal(): void {
    this.#isOver = true;
    this.#chaos = undefined;
    const { network, nodes, clients } = this.#deps;
    network.heal();
    for (const client of clients) client.start();
    for (const node of nodes) {
      node.disk.heal();
      node.resume();
      node.clockError.correct();
      node.start();
    }
  }

  #later(delayMs: number, what: string, run: () => void): void {
    this.#deps.scheduler.after(delayMs, WORLD, `fault ${what}`, () => {
      if (!this.#isOver) run();
    });
  }

  #node(nodeId: number): NodeSlot {
    const node = this.#deps.nodes.find((each) => each.nodeId === nodeId);
    if (node !== undefined) return node;
    throw new Error(`node is ${nodeId}, but there are ${this.#deps.nodes.length}`);
  }

  #crash(fault: Act<"crash">, effect: FaultEffect, again: number): void {
    for (const { node: nodeId, downMs } of fault.nodes) {
      const node = this.#node(nodeId);
      effect.happened ||= node.isUp;
      node.crash(fault.loss);
      this.#later(downMs, "restart", () => node.start());
    }
    if (again === 0) return;
    const longest = Math.max(0, ...fault.nodes.map(({ downMs }) => downMs));
    this.#later(2 * longest, "crash again", () => this.#crash(fault, effect, again - 1));
  }

  #wipe({ node: nodeId, downMs }: Act<"wipe">, effect: FaultEffect): void {
    const node = this.#node(nodeId);
    node.crash("all");
    effect.happened ||= node.disk.paths.length > 0;
    node.wipe();
    this.#later(downMs, "restart", () => node.start());
  }

  #pause({ node: nodeId, forMs, frozen }: Act<"pause">, effect: FaultEffect): void {
    const node = this.#node(nodeId);
    if (!node.isUp || node.isPaused) return;
    effect.happened = true;
    node.pause();
    this.#later(forMs, "resume", () => {
      if (frozen !== undefined && node.isPaused) node.clockError.stoodStill(forMs);
      node.resume();
    });
    if (frozen !== undefined) {
      this.#later(forMs + frozen.lateMs, "clock set", () => node.clockError.correct());
    }
  }

  #cut({ links, forMs, flapMs = 0 }: Act<"cut">, effect: FaultEffect): void {
    const { network, scheduler } = this.#deps;
    const endMs = scheduler.nowMs + forMs;
    const turn = (isCut: boolean): void => {
      for (const [from, to] of links) {
        if (isCut) network.cut(from, to, effect);
        else network.mend(from, to, effect);
      }
      const leftMs = endMs - scheduler.nowMs;
      if (leftMs <= 0) return;
      const nextMs = flapMs > 0 ? Math.min(flapMs, leftMs) : leftMs;
      this.#later(nextMs, "mend", () => turn(!isCut && nextMs < leftMs));
    };
    turn(true);
  }

  #slow({ links, forMs, addedMs, bytesPerMs = Infinity }: Act<"slow">, effect: FaultEffect): void {
    const { network } = this.#deps;
    for (const [from, to] of links) network.slow(from, to, { addedMs, bytesPerMs, effect });
    this.#later(forMs, "mend", () => {
      for (const [from, to] of links) network.quicken(from, to, effect);
    });
  }

  #frames({ lost, doubled, delayed, forMs }: Act<"frames">, effect: FaultEffect): void {
    const chaos = { lost, doubled, delayed, effect };
    this.#chaos = chaos;
    this.#later(forMs, "frames end", () => {
      if (this.#chaos === chaos) this.#chaos = undefined;
    });
  }

  #resets({ share, forMs }: Act<"resets">, effect: FaultEffect): void {
    const { network } = this.#deps;
    const resets = { share, effect };
    network.resets = resets;
    this.#later(forMs, "steady", () => {
      if (network.resets === resets) network.resets = undefined;
    });
  }

  #clock({ node, byMs, forMs, strobeMs = 0 }: Act<"clock">, effect: FaultEffect): void {
    const { scheduler } = this.#deps;
    const { clockError } = this.#node(node);
    clockError.jump(byMs, effect);
    const endMs = scheduler.nowMs + forMs;
    const turn = (isOff: boolean): void => {
      if (scheduler.nowMs >= endMs) {
        clockError.correct();
        return;
      }
      clockError.jump(isOff ? -byMs : byMs, effect);
      this.#later(strobeMs, "clock strobe", () => turn(!isOff));
    };
    if (strobeMs > 0) this.#later(strobeMs, "clock strobe", () => turn(true));
    else this.#later(forMs, "clock set", () => clockError.correct());
  }

  #drift({ node, rate, forMs }: Act<"drift">, effect: FaultEffect): void {
    const { clockError } = this.#node(node);
    clockError.run(rate, effect);
    this.#later(forMs, "clock steady", () => clockError.correct());
  }

  #disk({ node, fault, stallMs = 1000 }: Act<"disk">, effect: FaultEffect): void {
    const { disk } = this.#node(node);
    const fired = (): void => void (effect.happened = true);
    if (fault === "stall") disk.arm({ kind: "stall", stallMs, fired });
    else disk.arm({ kind: fault, fired });
  }

  #crashClient({ host, downMs }: Act<"client-crash">, effect: FaultEffect): void {
    const client = this.#deps.clients.find((each) => each.host === host);
    if (client?.isUp !== true) return;
    effect.happened = true;
    client.crash();
    this.#later(downMs, "client restart", () => client.start());
  }

  /** Lasts for `forMs` from the first write that finds no room: most of the time nothing grows. */
  #noSpace({ node, freeBytes, forMs }: Act<"no-space">, effect: FaultEffect): void {
    const { disk } = this.#node(node);
    disk.fill(freeBytes, () => {
      if (effect.happened) return;
      effect.happened = true;
      this.#later(forMs, "space", () => disk.free());
    });
  }

  #readOnly({ node, forMs }: Act<"read-only">, effect: FaultEffect): void {
    const { disk } = this.#node(node);
    const refused = (): void => void (effect.happened = true);
    disk.refuseWrites = refused;
    this.#later(forMs, "writable", () => {
      if (disk.refuseWrites === refused) disk.refuseWrites = undefined;
    });
  }

  /** Half of the damage is in what was written last, which is what restarts and readers touch. */
  #rot({ node: nodeId, damage, file, place, bit }: Act<"rot">, effect: FaultEffect): void {
    const node = this.#node(nodeId);
    node.isRotten = true;
    if (damage !== "bit-flip") node.hasForgotten = true;
    const { disk } = node;
    const read = (): void => void (effect.happened = true);
    if (damage === "misdirected-write") {
      const byBytes = 512 * (1 + Math.floor(place * 64));
      disk.arm({ kind: "misdirected-write", byBytes, fired: read });
      return;
    }
    const paths = disk.paths.filter((path) => disk.sizeOf(path) > 0);
    const path = paths[Math.floor(file * paths.length)];
    if (path === undefined) return;
    const byte = Math.floor(place * disk.sizeOf(path));
    if (damage === "bit-flip") disk.flipBit(path, byte, bit, read);
    else disk.restoreStale(path, byte, read);
  }
}
