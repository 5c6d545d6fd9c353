/**
 * What people and schedules do to a cluster while it works: streams come and go, nodes are emptied,
 * added and made anew, shards split and merge, retention and limits change, days pass.
 *
 * Its calls may fail, and it does not mind: what must hold is checked whatever they answered.
 */
import { asStreamError, sleep } from "@millrace/base";
import type { Shard } from "@millrace/model";

import type { Calendar } from "../kernel/sim-clock.ts";
import { ACCOUNT } from "../node/addresses.ts";
import type { NodeSlot } from "../node/node-slot.ts";
import type { LoopDeps } from "./producer.ts";
import { Producer } from "./producer.ts";

export const OPERATIONS = [
  "retention",
  "days-pass",
  "churn",
  "drain",
  "decommission",
  "add-node",
  "limits",
  "transfer",
  "overload",
  "reshard",
] as const;
export type Operation = (typeof OPERATIONS)[number];

const HOUR_MS = 3_600_000;
/** Above the shortest retention: all that is there when so much passes may be trimmed. */
const DAY_MS = 25 * HOUR_MS;
const CALL_MS_MAX = 5000;
const EMPTY_MS_MAX = 20_000;
const BURST_PUTS = 300;
/** Longer than any message is on its way. */
const QUIET_MS = 15_000;
const GATE_MS_MAX = 45_000;
const SHARDS_MAX = 12;

export interface OperatorDeps extends LoopDeps {
  readonly streamName: string;
  readonly nodes: readonly NodeSlot[];
  /** A machine that is not in the cluster when the run begins. */
  readonly spare: NodeSlot;
  readonly calendar: Calendar;
  readonly canSpare: (nodeId: number) => boolean;
}

export class Operator {
  readonly #deps: OperatorDeps;
  readonly fired = new Map<Operation, number>();
  #made = 0;

  constructor(deps: OperatorDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { process, options, stopped, note } = this.#deps;
    const { random, clock } = process;
    while (!stopped() && options.operations.length > 0) {
      await sleep(clock, random.between(0, 2 * options.operationEveryMs));
      if (stopped()) return;
      const operation = random.pick(options.operations);
      note(`operator: ${operation}`);
      try {
        await this.#do(operation);
        this.fired.set(operation, (this.fired.get(operation) ?? 0) + 1);
      } catch (error) {
        const { code, message } = asStreamError(error);
        if (code === "internal") throw error;
        note(`operator: ${operation} came to nothing: ${message}`);
      }
    }
  }

  #do(operation: Operation): Promise<unknown> | void {
    switch (operation) {
      case "retention":
        return this.#retention();
      case "days-pass":
        return this.#daysPass();
      case "churn":
        return this.#churn();
      case "drain":
        return this.#drain();
      case "decommission":
        return this.#decommission();
      case "add-node":
        return this.#deps.spare.start();
      case "limits":
        return this.#limits();
      case "transfer":
        return this.#transfer();
      case "overload":
        return this.#overload();
      case "reshard":
        return this.#reshard();
    }
  }

  /**
   * No put may be on its way meanwhile: a server forgets a producer after a quarter of an hour, so the
   * retry of a batch from yesterday, which no client makes, would be stored twice.
   */
  async #daysPass(): Promise<void> {
    const { process, gate, nowMs, calendar, stopped } = this.#deps;
    gate.isClosed = true;
    const untilMs = nowMs() + GATE_MS_MAX;
    const isQuiet = (): boolean => gate.underWay <= 0 && nowMs() - gate.quietSinceMs > QUIET_MS;
    while (!isQuiet() && nowMs() < untilMs && !stopped()) await sleep(process.clock, 100);
    if (isQuiet()) calendar.startMs += DAY_MS;
    gate.isClosed = false;
  }

  async #retention(): Promise<void> {
    const { process, streamName } = this.#deps;
    const request = { account: ACCOUNT, streamName };
    const isUp = process.random.chance(0.5);
    const direction = isUp ? "increase" : "decrease";
    const retentionHours = isUp ? process.random.pick([24, 48, 168]) : 24;
    await process.client.admin.updateRetention(
      { ...request, direction, retentionHours },
      CALL_MS_MAX,
    );
  }

  /** A stream is made, or the one that is there is deleted, to be made again under its name. */
  async #churn(): Promise<void> {
    const { process, note } = this.#deps;
    const { admin, view } = process.client;
    const request = { account: ACCOUNT, streamName: "churn" };
    if (view.stream(ACCOUNT, "churn") === undefined) {
      const shardCount = 1 + process.random.uniform(2);
      await admin.createStream({ ...request, shardCount, replicationFactor: 3 }, CALL_MS_MAX);
      note(`operator: stream churn made for time ${++this.#made}`);
    } else await admin.deleteStream(request, CALL_MS_MAX);
  }

  async #drain(): Promise<void> {
    const { process, nodes } = this.#deps;
    const { admin } = process.client;
    const { nodeId } = process.random.pick(nodes);
    await admin.setNodeGoal(nodeId, "drain", CALL_MS_MAX);
    await sleep(process.clock, process.random.between(500, 6000));
    await admin.setNodeGoal(nodeId, "serve", CALL_MS_MAX);
  }

  /** Emptied, then made anew from an empty disk; or kept, when it takes too long. */
  async #decommission(): Promise<void> {
    const { process, nodes, nowMs, canSpare } = this.#deps;
    const { admin, view } = process.client;
    const node = process.random.pick(nodes);
    await admin.setNodeGoal(node.nodeId, "decommission", CALL_MS_MAX);
    const untilMs = nowMs() + EMPTY_MS_MAX;
    while (nowMs() < untilMs && view.node(node.nodeId)?.goal !== "removed") {
      await sleep(process.clock, 200);
    }
    if (view.node(node.nodeId)?.goal !== "removed") {
      await admin.setNodeGoal(node.nodeId, "serve", CALL_MS_MAX);
    } else if (canSpare(node.nodeId)) {
      node.crash("all");
      node.wipe();
      node.start();
    }
  }

  async #limits(): Promise<void> {
    const { process } = this.#deps;
    const custom = `custom ${JSON.stringify({ writeRecordsPerSec: 20, writeBytesPerSec: 20_000 })}`;
    const limits = process.random.pick(["aws", "unlimited", custom]);
    await process.client.admin.updateLimits({ limits }, CALL_MS_MAX);
  }

  /** Every leader on one node is asked to hand over. */
  async #transfer(): Promise<void> {
    const { process, nodes } = this.#deps;
    for (const group of process.random.pick(nodes).running?.lane.groups() ?? []) {
      if (group.role === "leader") group.stepDown();
    }
  }

  async #overload(): Promise<void> {
    const shards = this.#deps.shards();
    if (shards.length === 0) return;
    const shard = this.#deps.process.random.pick(shards);
    const producer = new Producer({ ...this.#deps, process: this.#burstProcess() });
    const puts = Array.from({ length: BURST_PUTS }, () => producer.put(shard, 1, CALL_MS_MAX));
    await Promise.all(puts);
  }

  /** Each burst has values of its own. */
  #burstProcess(): LoopDeps["process"] {
    const { process } = this.#deps;
    return { ...process, name: `${process.name}.burst${++this.#made}` };
  }

  async #reshard(): Promise<void> {
    const { process, streamName, shards } = this.#deps;
    const { admin, view } = process.client;
    const streamId = view.stream(ACCOUNT, streamName)?.streamId;
    const open = shards().filter((shard) => shard.streamId === streamId);
    const byRange = open.toSorted((a, b) =>
      a.range.startingHashKey < b.range.startingHashKey ? -1 : 1,
    );
    const request = { account: ACCOUNT, streamName };
    const total = streamId === undefined ? 0 : view.shards(streamId).length;
    const at = process.random.uniform(byRange.length);
    const [one, next]: (Shard | undefined)[] = byRange.slice(at, at + 2);
    if (one === undefined || total >= SHARDS_MAX) return;
    const { shardIndex } = one;
    if (next === undefined || process.random.chance(0.5)) {
      await admin.splitShard({ ...request, shardIndex }, CALL_MS_MAX);
    } else {
      const adjacentShardIndex = next.shardIndex;
      await admin.mergeShards({ ...request, shardIndex, adjacentShardIndex }, CALL_MS_MAX);
    }
  }
}
