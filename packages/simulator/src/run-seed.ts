/**
 * One run from one seed: form a cluster, let clients work while faults come, heal, then ask whether
 * everything that was promised is there.
 *
 * Safety is checked all the time, liveness only after the faults have stopped: within 30 virtual
 * seconds every shard takes a write and all replicas hold the same (L1, L2).
 */
import { sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { FinalCounts } from "./check/final-check.ts";
import { finalCheck } from "./check/final-check.ts";
import type { HistoryEvent } from "./history.ts";
import { setTrap } from "./kernel/runtime-trap.ts";
import { addressesOf, ACCOUNT } from "./node/addresses.ts";
import type { Fault, FaultKind, FaultTally } from "./faults/fault.ts";
import type { SimOptions } from "./options.ts";
import type { PageBounds } from "./workload/consumer.ts";
import { Consumer } from "./workload/consumer.ts";
import type { LoopDeps } from "./workload/producer.ts";
import { Producer } from "./workload/producer.ts";
import { World } from "./world.ts";

const STREAM = "sim";
/** Virtual milliseconds in which a cluster without faults must form. */
const FORM_MS_MAX = 60_000;
const LIVENESS_MS_MAX = 30_000;
/** In which the last calls must end: the longest deadline of a client, and a margin. */
const QUIET_MS_MAX = 40_000;
/** Pages of the final reading. */
const WHOLE: PageBounds = { maxBytes: 4 * 1024 * 1024, maxRecords: 10_000 };
const READ_MS_MAX = 60_000;

export interface SeedResult {
  readonly seed: bigint;
  readonly violations: readonly string[];
  readonly counts: FinalCounts | undefined;
  readonly faults: ReadonlyMap<FaultKind, FaultTally>;
  /** Every fault that came, in order; a run with it as `faultList` is the same run. */
  readonly faultList: readonly Fault[];
  readonly history: readonly HistoryEvent[];
  readonly events: number;
  readonly virtualMs: number;
  readonly traceHash: string;
  readonly lastLines: readonly string[];
}

/** @param print Takes each line of the trace. */
export async function runSeed(
  options: SimOptions,
  print?: (line: string) => void,
): Promise<SeedResult> {
  const trap = setTrap();
  const world = new World(options, trap.loop, print);
  const stray = (error: unknown): void => world.scheduler.fail(error);
  process.on("unhandledRejection", stray);
  let counts: FinalCounts | undefined;
  try {
    counts = await new Run(world).all();
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    world.broken(`threw: ${said}`);
  } finally {
    await new Promise<void>((resolve) => void trap.loop.setImmediate(resolve));
    process.off("unhandledRejection", stray);
    trap.release();
  }
  return {
    seed: options.seed,
    violations: world.oracle.violations,
    counts,
    faults: world.faults.tallies,
    faultList: world.faults.list,
    history: world.history.events,
    events: world.scheduler.executed,
    virtualMs: world.scheduler.nowMs,
    traceHash: world.trace.digest(),
    lastLines: world.trace.last(),
  };
}

class Run {
  readonly #world: World;
  #stopped = false;
  #readersStopped = false;
  readonly #loops: Promise<void>[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** @returns undefined when the run ended before there was something to compare. */
  async all(): Promise<FinalCounts | undefined> {
    const { scheduler, options, faults, nodes, oracle } = this.#world;
    for (const node of nodes) node.start();
    if (!(await this.#within(FORM_MS_MAX, "a cluster forms", this.#form()))) return undefined;
    this.#startClients();
    faults.start();
    const endMs = scheduler.nowMs + options.faultsForMs;
    await scheduler.run(endMs, () => oracle.violations.length > 0);
    faults.heal();
    if (oracle.violations.length > 0) return undefined;
    if (!(await this.#within(LIVENESS_MS_MAX, "every shard takes a write", this.#writeAll())))
      return undefined;
    this.#stopped = true;
    this.#readersStopped = true;
    const quiet = Promise.all(this.#loops).then(() => undefined);
    if (!(await this.#within(QUIET_MS_MAX, "every call ends", quiet))) return undefined;
    if (!(await this.#within(LIVENESS_MS_MAX, "all replicas converge", this.#converge())))
      return undefined;
    return this.#compare();
  }

  /** Runs the world until `goal` is reached. */
  async #within(ms: number, what: string, goal: Promise<unknown>): Promise<boolean> {
    const { scheduler, oracle, broken } = bound(this.#world);
    let outcome: { readonly error?: unknown } | undefined;
    goal.then(
      () => (outcome = {}),
      (error: unknown) => (outcome = { error }),
    );
    const untilMs = scheduler.nowMs + ms;
    await scheduler.run(untilMs, () => outcome !== undefined || oracle.violations.length > 0);
    if (oracle.violations.length > 0) return false;
    if (outcome === undefined) {
      this.#noteGroups();
      broken(`liveness: not within ${ms} ms: ${what}`);
    }
    if (outcome !== undefined && "error" in outcome) throw outcome.error;
    return outcome !== undefined;
  }

  /** Where every replica stands, for whoever looks at the trace of a cluster that hangs. */
  #noteGroups(): void {
    for (const { host, running } of this.#world.nodes) {
      if (running === undefined) this.#world.note(`${host} does not run`);
      for (const group of running?.lane.groups() ?? []) {
        const { groupId, role, term, leaderNodeId, asleep } = group;
        const { appliedIndex, commitIndex, lastIndex } = group;
        const led = leaderNodeId === undefined ? "no leader" : `leader n${leaderNodeId}`;
        this.#world.note(
          `${host} group ${groupId}: ${role} in term ${term}, ${led}${asleep ? ", asleep" : ""}, ` +
            `applied ${appliedIndex}, committed ${commitIndex}, last ${lastIndex}`,
        );
      }
    }
  }

  async #form(): Promise<void> {
    const { admin, options, nodes } = this.#world;
    const { client, clock } = admin;
    const ids = nodes.map(({ nodeId }) => nodeId);
    const statuses = await Promise.all(
      ids.map((id) => eventually(admin, () => client.admin.nodeStatus(addressesOf(id).rpc))),
    );
    const voters = ids.map((nodeId, at) => ({
      nodeId,
      incarnation: statuses[at]?.incarnation ?? "",
      replicaId: at + 1,
      addresses: { ...addressesOf(nodeId), aws: "" },
    }));
    const request = {
      clusterId: "0123456789abcdef0123456789abcdef",
      voters,
      account: ACCOUNT,
      region: "us-east-1",
      accessKeyId: "MRSIMULATEDSIMULATED",
      sealedSecret: Buffer.alloc(48),
      limits: "unlimited",
      sealedTokenKey: Buffer.alloc(48),
      createdAtMs: clock.nowMs(),
    };
    for (const id of ids) await client.admin.formCluster(addressesOf(id).rpc, request);
    await client.ready(30_000);
    const { shards: shardCount } = options;
    const created = { account: ACCOUNT, streamName: STREAM, shardCount };
    await eventually(admin, async () => {
      // Placement spreads over the nodes that have registered.
      if (client.view.list("node").length < ids.length) throw new Error("nodes are missing");
      if (client.view.stream(ACCOUNT, STREAM) === undefined)
        await client.admin.createStream(created);
      if (client.view.stream(ACCOUNT, STREAM)?.status !== "ACTIVE") throw new Error("not active");
    });
  }

  #shardsOf(client: { readonly view: World["admin"]["client"]["view"] }): readonly Shard[] {
    const stream = client.view.stream(ACCOUNT, STREAM);
    return stream === undefined ? [] : client.view.shards(stream.streamId);
  }

  #deps(process: World["admin"], stopped: () => boolean): LoopDeps {
    const { history, options, scheduler } = this.#world;
    return {
      process,
      history,
      options,
      shards: () => this.#shardsOf(process.client),
      nowMs: () => scheduler.nowMs,
      note: (what) => this.#world.note(what),
      stopped,
    };
  }

  #startClients(): void {
    const { producers, consumers } = this.#world;
    const start = async (process: World["admin"], run: () => Promise<void>): Promise<void> => {
      await eventually(process, async () => {
        if (this.#shardsOf(process.client).length === 0) throw new Error("no metadata yet");
      });
      await run();
    };
    for (const process of producers) {
      const producer = new Producer(this.#deps(process, () => this.#stopped));
      this.#loops.push(start(process, () => producer.run()));
    }
    for (const process of consumers) {
      const consumer = new Consumer(this.#deps(process, () => this.#readersStopped));
      this.#loops.push(start(process, () => consumer.run()));
    }
    for (const loop of this.#loops)
      loop.catch((error: unknown) => this.#world.scheduler.fail(error));
  }

  async #writeAll(): Promise<void> {
    const { admin } = this.#world;
    const producer = new Producer(this.#deps(admin, () => false));
    const shards = this.#shardsOf(admin.client);
    await Promise.all(
      shards.map(async (shard) => {
        while (!(await producer.put(shard, 1, 2000))) await sleep(admin.clock, 50);
      }),
    );
  }

  /** Resolves when all replicas of all groups are at the same index. */
  async #converge(): Promise<void> {
    const { nodes, admin } = this.#world;
    for (;;) {
      const indexes = new Map<number, Set<number>>();
      const replicas = new Map<number, number>();
      for (const { running } of nodes) {
        for (const group of running?.lane.groups() ?? []) {
          const seen = indexes.get(group.groupId) ?? new Set();
          indexes.set(group.groupId, seen.add(group.appliedIndex));
          replicas.set(group.groupId, (replicas.get(group.groupId) ?? 0) + 1);
        }
      }
      const shards = this.#shardsOf(admin.client);
      // Metadata goes on by itself; its replicas are compared entry by entry as they apply.
      const isEqual = shards.every(
        ({ groupId, replicas: placed }) =>
          indexes.get(groupId)?.size === 1 && replicas.get(groupId) === placed.length,
      );
      if (isEqual) return;
      await sleep(admin.clock, 50);
    }
  }

  async #compare(): Promise<FinalCounts | undefined> {
    const { history, oracle, admin } = this.#world;
    const consumer = new Consumer(this.#deps(admin, () => false));
    const shards = new Map<number, readonly string[]>();
    const read = async (): Promise<void> => {
      for (const shard of this.#shardsOf(admin.client)) {
        const values: string[] = [];
        for (let end = Number.POSITIVE_INFINITY; values.length < end;) {
          const page = await consumer.fetch(shard, values.length, 0, 5000, WHOLE);
          if (page === undefined) throw new Error(`shard ${shard.shardIndex} cannot be read`);
          values.push(...page.values);
          end = page.endOffset;
        }
        shards.set(shard.shardIndex, values);
      }
    };
    if (!(await this.#within(READ_MS_MAX, "everything is read back", read()))) return undefined;
    const { counts, violations } = finalCheck(history.events, shards);
    oracle.violations.push(...violations, ...this.#differences());
    return counts;
  }

  /** Nodes whose metadata is at one index must hold the same (S12). */
  #differences(): readonly string[] {
    const first = new Map<number, { readonly nodeId: number; readonly json: string }>();
    const found: string[] = [];
    for (const { nodeId, running } of this.#world.nodes) {
      const view = running?.coordinator.localView;
      if (view === undefined) continue;
      const json = JSON.stringify(view.snapshot());
      const other = first.get(view.index);
      if (other === undefined) first.set(view.index, { nodeId, json });
      else if (other.json !== json) {
        found.push(`metadata of nodes ${other.nodeId} and ${nodeId} differs at ${view.index}`);
      }
    }
    return found;
  }
}

function bound(world: World) {
  const { scheduler, oracle } = world;
  return { scheduler, oracle, broken: (sentence: string) => world.broken(sentence) };
}

/** Repeats what fails until it does not; the caller bounds the time. */
async function eventually<Answer>(
  { clock }: World["admin"],
  attempt: () => Promise<Answer>,
): Promise<Answer> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await sleep(clock, 100);
    }
  }
}
