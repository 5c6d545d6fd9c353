/**
 * Which fault comes when: drawn from the seed over the kinds that it switched on, or taken from a list.
 *
 * What was drawn is written down, so that a failing run leaves the list that made it fail. Faults are
 * events of the world, which take no part in the draw that orders events of one instant: a run from
 * the whole list is the run from the seed.
 */
import type { SimRandom } from "../kernel/sim-random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import { WORLD } from "../kernel/scheduler.ts";
import type { SimNetwork } from "../net/network.ts";
import type { FrameChaos } from "../net/peer-transport.ts";
import type { NodeSlot } from "../node/node-slot.ts";
import type { SimOptions } from "../options.ts";
import type { ClientSlot } from "../workload/client-process.ts";
import { FaultActor } from "./apply-fault.ts";
import type { DrawDeps } from "./draw-fault.ts";
import { drawFault, lossOfLeader } from "./draw-fault.ts";
import type { Fault, FaultAction, FaultEffect, FaultKind, FaultTally } from "./fault.ts";

export interface FaultDeps {
  readonly options: SimOptions;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly nodes: readonly NodeSlot[];
  readonly clients: readonly ClientSlot[];
  readonly random: SimRandom;
  readonly canSpare: (nodeId: number) => boolean;
  readonly canSpareBytes: (nodeId: number) => boolean;
  readonly note: (what: string) => void;
}

export class FaultPlan {
  readonly #deps: FaultDeps;
  readonly #draw: DrawDeps;
  readonly #actor: FaultActor;
  readonly #fired: { readonly fault: Fault; readonly effect: FaultEffect }[] = [];
  #running = false;

  constructor(deps: FaultDeps) {
    this.#deps = deps;
    const rottenNodeId = deps.random.pick(deps.nodes).nodeId;
    this.#draw = { ...deps, clients: deps.clients.map(({ host }) => host), rottenNodeId };
    this.#actor = new FaultActor(deps);
  }

  get chaos(): FrameChaos {
    return this.#actor.chaos;
  }

  /** Every fault that came, in order. */
  get list(): readonly Fault[] {
    return this.#fired.map(({ fault }) => fault);
  }

  get tallies(): ReadonlyMap<FaultKind, FaultTally> {
    const tallies = new Map<FaultKind, FaultTally>();
    for (const { fault, effect } of this.#fired) {
      const { fired, effective } = tallies.get(fault.kind) ?? { fired: 0, effective: 0 };
      const more = effect.happened ? 1 : 0;
      tallies.set(fault.kind, { fired: fired + 1, effective: effective + more });
    }
    return tallies;
  }

  start(): void {
    this.#running = true;
    const { faultList } = this.#deps.options;
    if (faultList === undefined) this.#drawNext();
    else for (const fault of faultList) this.#at(fault.atMs, () => this.#fire(fault));
  }

  /** No more faults; everything runs, is connected and has the right time again. */
  heal(): void {
    this.#running = false;
    this.#deps.note("heal");
    this.#actor.heal();
  }

  #drawNext(): void {
    const { options, random, scheduler } = this.#deps;
    if (options.faults.length === 0) return;
    this.#at(scheduler.nowMs + random.between(0, 2 * options.faultEveryMs), () => {
      const kind = random.pick(options.faults);
      const action = drawFault(kind, this.#draw);
      if (action !== undefined) this.#drawn(kind, action);
      this.#drawNext();
    });
  }

  #drawn(kind: FaultKind, action: FaultAction): void {
    const { scheduler } = this.#deps;
    this.#fire({ atMs: scheduler.nowMs, kind, ...action });
    if (kind !== "stale-follower" || action.act !== "cut") return;
    // It missed entries and comes back; at that moment the leader goes.
    this.#at(scheduler.nowMs + action.forMs, () => {
      this.#fire({ atMs: scheduler.nowMs, kind, ...lossOfLeader(this.#draw) });
    });
  }

  #fire(fault: Fault): void {
    const effect = { happened: false };
    this.#fired.push({ fault, effect });
    this.#deps.note(`fault ${JSON.stringify(fault)}`);
    this.#actor.apply(fault, effect);
  }

  #at(atMs: number, run: () => void): void {
    const { scheduler } = this.#deps;
    scheduler.after(atMs - scheduler.nowMs, WORLD, "fault", () => {
      if (this.#running) run();
    });
  }
}
