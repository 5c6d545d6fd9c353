/**
 * Seals the shards that this node leads and metadata orders to seal, and tells the coordinator where
 * they end.
 *
 * Producers of such a shard wait from its seal until its children are open, so every step is taken at once;
 * what does not work is tried again by time, and a later leader takes it up from the order in metadata and
 * the seal in its own log. Source: reference G.9.
 */
import type { Timer } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { Shard } from "@millrace/model";

import { SEAL_STEP_MS } from "./bounds.ts";
import type { BrokerContext } from "./context.ts";
import type { ReplicaReports } from "./replica-reports.ts";
import type { Shards } from "./shards.ts";

export class Sealer {
  readonly #context: BrokerContext;
  readonly #shards: Shards;
  /** Of their own: a report on members or replicas of the same group must not push out one that producers wait for. */
  readonly #reports: ReplicaReports;
  /** Groups of shards that are to be sealed, whoever leads them, until metadata knows that they are. */
  readonly #ordered = new Set<number>();
  #timer: Timer | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(context: BrokerContext, shards: Shards, reports: ReplicaReports) {
    this.#context = context;
    this.#shards = shards;
    this.#reports = reports;
  }

  start(): void {
    const { view } = this.#context;
    this.#unsubscribe = view.onChange((keys) => this.#learn(keys));
    if (view.ready) this.#learn(view.snapshot().map(({ key }) => key));
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#reports.stop();
  }

  /** The group's replica here began to lead, or applied its seal. */
  changed(groupId: number): void {
    if (this.#ordered.has(groupId)) this.#look(groupId);
  }

  #learn(keys: readonly string[]): void {
    for (const key of keys) {
      const [kind, streamId, index] = key.split("/");
      if (kind !== "shard" || streamId === undefined) continue;
      const shard = this.#context.view.shard(streamId, Number(index));
      if (shard === undefined || !isOrdered(shard)) continue;
      this.#ordered.add(shard.groupId);
    }
    for (const groupId of this.#ordered) this.#look(groupId);
  }

  #look(groupId: number): void {
    const shard = this.#context.view.shardOfGroup(groupId);
    const { seal } = shard ?? {};
    if (shard === undefined || seal === undefined || !isOrdered(shard)) {
      this.#ordered.delete(groupId);
      this.#reports.settled(groupId);
      return;
    }
    this.#lookAgain();
    const hosted = this.#shards.get(groupId);
    if (hosted?.group.isReadyLeader !== true) return;
    const { state, group, appends } = hosted;
    if (state.sealed) {
      this.#reports.add({
        groupId,
        replicaId: group.replicaId,
        state: "created",
        leading: true,
        removed: false,
        sealedEpoch: state.epoch,
        endOffset: state.nextOffset,
        lastArrivalMs: state.lastArrivalMs,
      });
      return;
    }
    try {
      appends.seal(seal.epoch, seal.childShardIndexes);
    } catch (error) {
      const { code, message } = asStreamError(error);
      this.#context.logger.warn("A shard could not be sealed yet", { groupId, code, message });
    }
  }

  #lookAgain(): void {
    if (this.#unsubscribe === undefined) return;
    this.#timer ??= this.#context.clock.schedule(SEAL_STEP_MS, () => {
      this.#timer = undefined;
      for (const groupId of this.#ordered) this.#look(groupId);
    });
  }
}

function isOrdered({ state, seal }: Shard): boolean {
  return state === "open" && seal !== undefined && seal.endOffset === undefined;
}
