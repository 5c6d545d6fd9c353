/** Which fault comes when: drawn from the seed's own streams, over the kinds that the seed switched on. */
import type { SimRandom } from "../kernel/sim-random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import { WORLD } from "../kernel/scheduler.ts";
import type { SimNetwork } from "../net/network.ts";
import type { CrashKind, NodeSlot } from "../node/node-slot.ts";
import type { FaultKind, SimOptions } from "../options.ts";

export interface FaultDeps {
  readonly options: SimOptions;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly nodes: readonly NodeSlot[];
  /** Host names of the clients. */
  readonly clients: readonly string[];
  readonly random: SimRandom;
  readonly note: (what: string) => void;
}

const POWER_CUTS: readonly CrashKind[] = ["all", "none", "subset", "subset", "prefix", "suffix"];
const DOWN_MS_MAX = 8000;

export class FaultPlan {
  readonly fired = new Map<FaultKind, number>();
  readonly #deps: FaultDeps;
  #running = false;

  constructor(deps: FaultDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#running = true;
    this.#next();
  }

  /** No more faults; everything runs, is connected and has the right time again. */
  heal(): void {
    this.#running = false;
    const { network, nodes, options, note } = this.#deps;
    note("heal");
    network.quality = options.quality;
    network.heal();
    for (const node of nodes) {
      node.disk.disarm();
      node.resume();
      node.clockError.skewMs = 0;
      node.start();
    }
  }

  #next(): void {
    const { options, random } = this.#deps;
    if (options.faults.length === 0) return;
    this.#later(random.between(0, 2 * options.faultEveryMs), "next", () => {
      const kind = random.pick(options.faults);
      this.fired.set(kind, (this.fired.get(kind) ?? 0) + 1);
      this.#fire(kind);
      this.#next();
    });
  }

  #later(delayMs: number, what: string, run: () => void): void {
    this.#deps.scheduler.after(delayMs, WORLD, `fault ${what}`, () => {
      if (this.#running) run();
    });
  }

  #fire(kind: FaultKind): void {
    const { random } = this.#deps;
    switch (kind) {
      case "crash":
        return this.#crash([this.#node()], "process");
      case "power":
        return this.#crash([this.#node()], this.#cut());
      case "crash-all":
        return this.#crash(this.#deps.nodes, this.#cut());
      case "pause":
        return this.#pause();
      case "partition":
        return this.#partition();
      case "one-way":
        return this.#oneWay();
      case "clog":
        return this.#clog();
      case "clock":
        return this.#jump();
      case "flaky":
        return this.#flaky();
      case "stall":
        return this.#node().disk.arm({ kind: "stall", stallMs: random.pick([1000, 2500, 8000]) });
      case "leader":
        return this.#leader();
      case "stale-follower":
        return this.#staleFollower();
      case "disk-error":
        return this.#node().disk.arm({ kind: random.pick(["write-error", "sync-error"]) });
    }
  }

  #node(): NodeSlot {
    return this.#deps.random.pick(this.#deps.nodes);
  }

  #cut(): CrashKind {
    return this.#deps.random.pick(POWER_CUTS);
  }

  #crash(nodes: readonly NodeSlot[], kind: CrashKind): void {
    const { random } = this.#deps;
    for (const node of nodes) {
      node.crash(kind);
      this.#later(random.between(10, DOWN_MS_MAX), "restart", () => node.start());
    }
  }

  /** Where chance alone would seldom hit: the leader of some shard crashes or is cut off. */
  #leader(): void {
    const { random } = this.#deps;
    const node = this.#leaderOfSome();
    if (random.chance(0.5)) this.#crash([node], random.chance(0.5) ? "process" : this.#cut());
    else this.#isolate(node);
  }

  /** A follower misses entries, comes back, and at that moment the leader goes. */
  #staleFollower(): void {
    const { random, nodes, network } = this.#deps;
    const leader = this.#leaderOfSome();
    const stale = random.pick(nodes.filter((node) => node !== leader));
    this.#isolate(stale);
    this.#later(random.between(200, 3000), "stale follower back", () => {
      network.heal();
      if (random.chance(0.5)) this.#isolate(leader);
      else this.#crash([leader], "process");
    });
  }

  #leaderOfSome(): NodeSlot {
    const { random, nodes } = this.#deps;
    const leading = nodes.filter(({ running }) => {
      return [...(running?.lane.groups() ?? [])].some(({ role }) => role === "leader");
    });
    return random.pick(leading.length > 0 ? leading : nodes);
  }

  #isolate(node: NodeSlot): void {
    const { nodes, network, note } = this.#deps;
    note(`${node.host} is cut off`);
    for (const { host } of nodes) {
      if (host === node.host) continue;
      network.cut(node.host, host);
      network.cut(host, node.host);
    }
    this.#mendLater();
  }

  #pause(): void {
    const node = this.#node();
    node.pause();
    const forMs = this.#deps.random.pick([50, 800, 3000, 12_000]);
    this.#later(forMs, "resume", () => node.resume());
  }

  #partition(): void {
    const { random, nodes, clients, network, note } = this.#deps;
    const hosts = [...nodes.map((node) => node.host), ...clients];
    const side = new Set(hosts.filter(() => random.chance(0.4)));
    note(`partition of ${[...side].join(" ")}`);
    for (const a of hosts) {
      for (const b of hosts) if (side.has(a) !== side.has(b)) network.cut(a, b);
    }
    this.#mendLater();
  }

  #oneWay(): void {
    const { random, nodes, network, note } = this.#deps;
    const from = this.#node();
    for (const to of nodes) {
      if (to === from || random.chance(0.5)) continue;
      note(`nothing from ${from.host} to ${to.host}`);
      network.cut(from.host, to.host);
    }
    this.#mendLater();
  }

  #clog(): void {
    const { random, nodes, network, note } = this.#deps;
    const from = this.#node().host;
    const to = random.pick(nodes).host;
    const addedMs = random.pick([50, 400, 2500]);
    note(`clog ${from} ${to} ${addedMs}`);
    network.clog(from, to, addedMs);
    this.#mendLater();
  }

  #jump(): void {
    const { random, note } = this.#deps;
    const node = this.#node();
    const byMs = random.pick([-30_000, -700, -300, 300, 700, 30_000]);
    note(`clock of ${node.host} jumps ${byMs}`);
    node.clockError.skewMs += byMs;
    this.#later(random.between(500, 10_000), "clock set", () => (node.clockError.skewMs = 0));
  }

  #flaky(): void {
    const { network, random, options } = this.#deps;
    network.quality = { ...options.quality, resetShare: random.pick([0.001, 0.01, 0.05]) };
    this.#later(random.between(500, 5000), "steady", () => (network.quality = options.quality));
  }

  #mendLater(): void {
    const { random, network } = this.#deps;
    const forMs = random.pick([300, 2000, 6000, 15_000]);
    this.#later(forMs, "mend", () => network.heal());
  }
}
