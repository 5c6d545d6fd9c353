/**
 * The phases of a run: form a cluster, let clients work while faults come, heal, ask for what must
 * come true again (L1 to L5), read everything back, and hold it against what was told.
 */
import type { CheckReport } from "../check/history-check.ts";
import { checkHistory } from "../check/history-check.ts";
import type { RegisterOperation } from "../check/linearizable.ts";
import { whyNotLinearizable } from "../check/linearizable.ts";
import type { HistoryEvent, RegisterEvent } from "../history.ts";
import type { World } from "../world.ts";
import { Clients } from "./clients.ts";
import { form } from "./form.ts";
import {
  haveConverged,
  unsettled,
  until,
  walFilesAreFreed,
  wipedNodesAreBack,
} from "./liveness.ts";
import { readBack } from "./read-back.ts";
import { metadataDifferences } from "./same-everywhere.ts";

/** Virtual milliseconds in which a cluster without faults must form. */
const FORM_MS_MAX = 60_000;
const LIVENESS_MS_MAX = 30_000;
/** In which whole replicas are made anew, if it must be. */
const SETTLE_MS_MAX = 60_000;
/** In which the last calls must end: the longest deadline of a client, and a margin. */
const QUIET_MS_MAX = 40_000;
const READ_MS_MAX = 120_000;

export class Run {
  readonly #world: World;
  readonly #clients: Clients;

  constructor(world: World) {
    this.#world = world;
    this.#clients = new Clients(world);
  }

  /** @returns undefined when the run ended before there was something to compare. */
  async all(): Promise<CheckReport | undefined> {
    const { scheduler, options, faults, nodes, oracle, admin } = this.#world;
    for (const node of nodes) node.start();
    admin.start();
    if (!(await this.#within("L0", FORM_MS_MAX, "a cluster forms", form(this.#world)))) {
      return undefined;
    }
    this.#clients.start();
    faults.start();
    const endMs = scheduler.nowMs + options.faultsForMs;
    await scheduler.run(endMs, () => oracle.violations.length > 0);
    faults.heal();
    if (oracle.violations.length > 0 || !(await this.#recovers())) return undefined;
    return this.#compare();
  }

  async #recovers(): Promise<boolean> {
    const clients = this.#clients;
    const world = this.#world;
    const written = clients.writeAll();
    const takes = "every shard takes a write";
    return (
      (await this.#within("L1", LIVENESS_MS_MAX, takes, written)) &&
      (await this.#within("quiet", QUIET_MS_MAX, "every call ends", clients.stop())) &&
      (await this.#within(
        "quiet",
        LIVENESS_MS_MAX,
        "the cluster is set right",
        clients.restore(),
      )) &&
      (await this.#holds("L5", SETTLE_MS_MAX, "wiped nodes are members again", () =>
        wipedNodesAreBack(world),
      )) &&
      (await this.#holds("L3", SETTLE_MS_MAX, "no change is under way", () => {
        return unsettled(world).length === 0;
      })) &&
      (await this.#holds("L2", LIVENESS_MS_MAX, "all replicas converge", () =>
        haveConverged(world),
      )) &&
      (await this.#holds("L4", LIVENESS_MS_MAX, "WAL files are freed", () =>
        walFilesAreFreed(world),
      ))
    );
  }

  #holds(rule: string, ms: number, what: string, holds: () => boolean): Promise<boolean> {
    return this.#within(rule, ms, what, until(this.#world, holds));
  }

  /** Runs the world until `goal` is reached. */
  async #within(rule: string, ms: number, what: string, goal: Promise<unknown>): Promise<boolean> {
    const world = this.#world;
    const { scheduler, oracle } = world;
    let outcome: { readonly error?: unknown } | undefined;
    goal.then(
      () => (outcome = {}),
      (error: unknown) => (outcome = { error }),
    );
    const untilMs = scheduler.nowMs + ms;
    await scheduler.run(untilMs, () => outcome !== undefined || oracle.violations.length > 0);
    if (oracle.violations.length > 0) return false;
    if (outcome === undefined) {
      this.#noteState();
      world.broken(`${rule}: not within ${ms} ms: ${what}`);
    }
    if (outcome !== undefined && "error" in outcome) throw outcome.error;
    return outcome !== undefined;
  }

  /** Where everything stands, for whoever looks at the trace of a cluster that hangs. */
  #noteState(): void {
    const world = this.#world;
    for (const { host, running } of world.machines) {
      if (running === undefined) world.note(`${host} does not run`);
      for (const group of running?.lane.groups() ?? []) {
        const { groupId, replicaId, role, term, leaderNodeId, asleep } = group;
        const { appliedIndex, commitIndex, lastIndex } = group;
        const led = leaderNodeId === undefined ? "no leader" : `leader n${leaderNodeId}`;
        world.note(
          `${host} group ${groupId} replica ${replicaId}: ${role} in term ${term}, ${led}` +
            `${asleep ? ", asleep" : ""}, ` +
            `applied ${appliedIndex}, committed ${commitIndex}, last ${lastIndex}`,
        );
      }
      if (running !== undefined)
        world.note(`${host} WAL files ${running.storage.stats().walFiles}`);
    }
    for (const { groupId, shardIndex, state, replicas, move } of world.newestView?.list("shard") ??
      []) {
      const placed = replicas
        .map((one) => `${one.replicaId}@n${one.nodeId} ${one.state}`)
        .join(", ");
      const moving = move === undefined ? "" : `, move ${JSON.stringify(move)}`;
      world.note(`shard ${shardIndex} group ${groupId} ${state}: ${placed}${moving}`);
    }
    for (const sentence of unsettled(world)) world.note(`unsettled: ${sentence}`);
  }

  async #compare(): Promise<CheckReport | undefined> {
    const world = this.#world;
    const { history, oracle, admin } = world;
    const reading = readBack(world, this.#clients.depsOf(admin.process));
    if (!(await this.#within("read", READ_MS_MAX, "everything is read back", reading))) {
      return undefined;
    }
    const report = checkHistory(history.events, await reading);
    const views = world.machines.map(({ nodeId, running }) => {
      return { nodeId, view: running?.coordinator.localView };
    });
    oracle.violations.push(...report.violations, ...metadataDifferences(views));
    const why = whyNotLinearizable(registerOperations(history.events));
    if (why !== undefined) world.broken(`not-linearizable (S12): of a tag as a register, ${why}`);
    return report;
  }
}

function registerOperations(history: readonly HistoryEvent[]): readonly RegisterOperation[] {
  const began = new Map<number, RegisterEvent>();
  const ended = new Map<number, RegisterEvent>();
  for (const event of history) {
    if (event.op !== "write" && event.op !== "read") continue;
    (event.kind === "invoke" ? began : ended).set(event.id, event);
  }
  return [...began].flatMap(([id, { op, value, timeMs }]) => {
    const end = ended.get(id);
    const isOpen = end === undefined || end.kind === "info";
    if (end?.kind === "fail" || (op === "read" && isOpen)) return [];
    const endedMs = isOpen ? Infinity : end.timeMs;
    return [{ id, op, value: op === "read" ? end?.value : value, beganMs: timeMs, endedMs }];
  });
}
