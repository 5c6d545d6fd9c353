/**
 * Makes this node's groups follow the metadata.
 *
 *   metadata                                 here        done
 *   replica of ours, `creating`              no group    create it once, then report `created`
 *   replica of ours, `creating`              group       report `created`, and `leading` when it leads
 *   replica of ours, `created`               no group    report `lost`; never make it again
 *   tombstone of the group                   group       stop serving, drop it, report `removed`
 *   tombstone with a replica of ours         no group    report `removed`
 *   nothing                                  group       nothing: absence deletes no data (S13)
 *
 * A voter that said yes once may have voted; made again with an empty log it could vote twice in one
 * term (S7, S8). So a lost replica is reported and replaced under another id by the coordinator.
 *
 * Only groups that metadata does not yet agree with are looked at again; everything is idempotent.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import type { MetadataView, ReplicaPlacement, Shard, TombstoneRecord } from "@millrace/model";

import { GROUP_CHANGES_MAX, REPORT_AGAIN_MS } from "./bounds.ts";
import type { BrokerLane } from "./ports.ts";
import type { ReplicaReports } from "./replica-reports.ts";

export interface ReconcilerOptions {
  readonly view: MetadataView;
  readonly lane: BrokerLane;
  readonly nodeId: number;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reports: ReplicaReports;
  /** Whether this node's replica of the group leads and is ready. */
  readonly isLeading: (groupId: number) => boolean;
  /** Ends every answer of the group before its data goes. */
  readonly stopServing: (groupId: number) => void;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Groups that metadata and this node may not agree on. */
  readonly #open = new Set<number>();
  readonly #tombstones = new Map<number, TombstoneRecord>();
  /** Groups being created or dropped right now. */
  readonly #changing = new Set<number>();
  #unsubscribe: (() => void) | undefined;
  #timer: Timer | undefined;
  #running = false;
  #lookingAgain = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.#unsubscribe = this.#options.view.onChange((keys) => this.#learn(keys));
    const { view } = this.#options;
    if (view.ready) this.#learn(view.snapshot().map(({ key }) => key));
    this.#tick();
  }

  stop(): void {
    this.#running = false;
    this.#unsubscribe?.();
    this.#timer?.cancel();
  }

  /** The group's replica here began or ceased to lead: a shard in creation waits for that word. */
  roleChanged(groupId: number): void {
    if (this.#open.has(groupId)) this.#settle(groupId);
  }

  #tick(): void {
    this.#timer = this.#options.clock.schedule(REPORT_AGAIN_MS, () => {
      this.#settleAll();
      this.#tick();
    });
  }

  #learn(keys: readonly string[]): void {
    if (keys.some((key) => key.startsWith("tombstone/"))) this.#learnTombstones();
    for (const key of keys) {
      const [kind, streamId, index] = key.split("/");
      if (kind !== "shard" || streamId === undefined) continue;
      const shard = this.#options.view.shard(streamId, Number(index));
      if (shard !== undefined) this.#open.add(shard.groupId);
    }
    this.#settleAll();
  }

  #learnTombstones(): void {
    const before = [...this.#tombstones.keys()];
    this.#tombstones.clear();
    for (const record of this.#options.view.list("tombstone")) {
      this.#tombstones.set(record.groupId, record);
      this.#open.add(record.groupId);
    }
    for (const groupId of before) {
      if (!this.#tombstones.has(groupId)) this.#agree(groupId);
    }
  }

  #settleAll(): void {
    for (const groupId of this.#open) this.#settle(groupId);
  }

  #settle(groupId: number): void {
    if (!this.#running || this.#changing.has(groupId)) return;
    const tombstone = this.#tombstones.get(groupId);
    if (tombstone !== undefined) return this.#bury(tombstone);
    const shard = this.#options.view.shardOfGroup(groupId);
    const replica = shard === undefined ? undefined : this.#own(shard.replicas);
    if (shard === undefined || replica === undefined) return this.#agree(groupId);
    const isHere = this.#options.lane.group(groupId) !== undefined;
    if (!isHere && replica.state === "creating") return this.#create(shard, replica);
    if (isHere) return this.#reportHere(shard, replica);
    if (replica.state === "created") this.#report(replica, groupId, { state: "lost" });
    else this.#agree(groupId); // already recorded as lost
  }

  #reportHere(shard: Shard, replica: ReplicaPlacement): void {
    const leading = this.#options.isLeading(shard.groupId);
    const awaited = replica.state === "creating" || (shard.state === "creating" && leading);
    if (awaited) this.#report(replica, shard.groupId, { leading });
    else if (shard.state !== "creating") this.#agree(shard.groupId);
  }

  #create(shard: Shard, replica: ReplicaPlacement): void {
    const { groupId, replicas } = shard;
    this.#change(groupId, "created", async () => {
      await this.#options.lane.createGroup({
        groupId,
        replicaId: replica.replicaId,
        kind: "shard",
        members: replicas.map(({ replicaId, nodeId }) => ({ replicaId, nodeId })),
        preferredLeader: replicas[0]?.replicaId === replica.replicaId,
      });
    });
  }

  #bury(tombstone: TombstoneRecord): void {
    const { groupId } = tombstone;
    const { lane, stopServing } = this.#options;
    if (lane.group(groupId) === undefined) {
      const replica = this.#own(tombstone.replicas);
      if (replica === undefined) this.#agree(groupId);
      else this.#report(replica, groupId, { removed: true });
      return;
    }
    stopServing(groupId);
    this.#change(groupId, "dropped", () => lane.dropGroup(groupId));
  }

  /** Runs one change of a group at a time, and a bounded number together; looks again when it is over. */
  #change(groupId: number, what: "created" | "dropped", run: () => Promise<void>): void {
    if (this.#changing.size >= GROUP_CHANGES_MAX) return; // taken up when one of them ends
    this.#changing.add(groupId);
    const { logger } = this.#options;
    run().then(
      () => {
        logger.info(`A shard replica was ${what}`, { groupId });
        this.#changed(groupId);
      },
      (error: unknown) => {
        logger.error(`A shard replica could not be ${what}`, { groupId, error: String(error) });
        this.#changing.delete(groupId); // the next tick or change of metadata tries again
      },
    );
  }

  /** The groups that waited for a place, and this one, are looked at once in this turn. */
  #changed(groupId: number): void {
    this.#changing.delete(groupId);
    if (this.#lookingAgain) return;
    this.#lookingAgain = true;
    this.#options.clock.soon(() => {
      this.#lookingAgain = false;
      this.#settleAll();
    });
  }

  #own(replicas: readonly ReplicaPlacement[]): ReplicaPlacement | undefined {
    const { nodeId, incarnation } = this.#options;
    return replicas.find(
      (replica) => replica.nodeId === nodeId && replica.incarnation === incarnation,
    );
  }

  #report(
    replica: ReplicaPlacement,
    groupId: number,
    what: { readonly state?: "lost"; readonly leading?: boolean; readonly removed?: boolean },
  ): void {
    this.#options.reports.add({
      groupId,
      replicaId: replica.replicaId,
      state: what.state ?? "created",
      leading: what.leading ?? false,
      removed: what.removed ?? false,
    });
  }

  #agree(groupId: number): void {
    this.#open.delete(groupId);
    this.#options.reports.settled(groupId);
  }
}
