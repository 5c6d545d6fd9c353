/** Sets the clients of a run to work, and brings them to rest. */
import { asStreamError, sleep } from "@millrace/base";
import type { MetadataView, Shard } from "@millrace/model";

import { ACCOUNT } from "../node/addresses.ts";
import type { ClientProcess } from "../workload/client-process.ts";
import { Consumer } from "../workload/consumer.ts";
import type { Checkpoints } from "../workload/consumer.ts";
import { Operator } from "../workload/operator.ts";
import type { LoopDeps, PutGate } from "../workload/producer.ts";
import { Producer } from "../workload/producer.ts";
import { useRegister } from "../workload/register.ts";
import type { World } from "../world.ts";

export const STREAM = "sim";

export class Clients {
  readonly #world: World;
  #stopped = false;
  readonly #gate: PutGate = { isClosed: false, underWay: 0, quietSinceMs: 0 };
  #writer: Producer | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    const { producers, consumers, registers, operator } = this.#world;
    for (const slot of producers) {
      slot.start((process) => new Producer(this.depsOf(process, openShards)).run());
    }
    for (const slot of consumers) {
      const checkpoints: Checkpoints = new Map();
      slot.start((process) => new Consumer(this.depsOf(process, allShards), checkpoints).run());
    }
    for (const slot of registers) {
      slot.start((process) => useRegister({ ...this.depsOf(process), streamName: STREAM }));
    }
    operator.start((process) => new Operator(this.#operatorDeps(process)).run());
  }

  /** Resolves when nobody has a call under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const { producers, consumers, registers, operator } = this.#world;
    const slots = [...producers, ...consumers, ...registers, operator];
    await Promise.all(slots.map(({ done }) => done));
  }

  /** One record into each shard that is open (L1). */
  async writeAll(): Promise<void> {
    const { admin } = this.#world;
    const { clock, client } = admin.process;
    this.#writer ??= new Producer(this.depsOf(admin.process));
    const writer = this.#writer;
    const written = new Set<number>();
    for (;;) {
      const left = openShards(client.view).filter(({ groupId }) => !written.has(groupId));
      if (left.length === 0 && written.size > 0) return;
      await Promise.all(
        left.map(async (shard) => {
          if (await writer.put(shard, 1, 2000)) written.add(shard.groupId);
        }),
      );
      await sleep(clock, 50);
    }
  }

  /** What a person would set right when an exercise is over. */
  async restore(): Promise<void> {
    const { client, clock } = this.#world.admin.process;
    await eventually(clock, () => client.admin.updateLimits({ limits: "unlimited" }, 5000));
    for (const { nodeId } of client.view.list("node")) {
      await eventually(clock, async () => {
        const { goal = "serve" } = client.view.node(nodeId) ?? {};
        if (goal === "serve" || goal === "removed") return;
        try {
          await client.admin.setNodeGoal(nodeId, "serve", 5000);
        } catch (error) {
          this.#world.note(`node ${nodeId} cannot serve: ${asStreamError(error).message}`);
          throw error;
        }
      });
    }
  }

  depsOf(
    process: ClientProcess,
    shardsOf: (view: MetadataView) => readonly Shard[] = openShards,
  ): LoopDeps {
    const { history, options, scheduler } = this.#world;
    return {
      gate: this.#gate,
      process,
      history,
      options,
      shards: () => shardsOf(process.client.view),
      nowMs: () => scheduler.nowMs,
      calendarMs: () => this.#world.calendarMs,
      note: (what) => this.#world.note(what),
      stopped: () => this.#stopped,
    };
  }

  #operatorDeps(process: ClientProcess) {
    const { nodes, spare, calendar } = this.#world;
    const canSpare = (nodeId: number): boolean => this.#world.canSpare(nodeId);
    return { ...this.depsOf(process), streamName: STREAM, nodes, spare, calendar, canSpare };
  }
}

/** Shards that take records now. */
function openShards(view: MetadataView): readonly Shard[] {
  return allShards(view).filter(({ state }) => state === "open");
}

/** Also those that are closed and can be read. */
function allShards(view: MetadataView): readonly Shard[] {
  return view
    .list("stream")
    .filter(({ account, status }) => account === ACCOUNT && status !== "CREATING")
    .flatMap(({ streamId }) => view.shards(streamId))
    .filter(({ state }) => state === "open" || state === "closed");
}

/** Repeats what fails until it does not; the caller bounds the time. */
export async function eventually<Answer>(
  clock: ClientProcess["clock"],
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
