/**
 * Makes this node's groups follow the metadata.
 *
 *   metadata                                 here        done
 *   replica of ours, `creating`              no group    create it once, then report `created`
 *   replica of ours, `creating`              group       report `created`, and `leading` when it leads
 *   replica of ours, `created`               no group    report `lost`; never make it again
 *   replica of ours                          damaged     stop serving, report `damaged`
 *   a move's new replica is ours             damaged     create it in the place of the damaged one
 *   a move's new replica is ours             no group    create it to join, then report `created`
 *   a move, or members not reported yet      leads       take the next step, report the members at rest
 *   our replica is retired                   group       stop serving, drop it after the grace, report `removed`
 *   tombstone of the group                   group       stop serving, drop it after the grace, report `removed`
 *   tombstone with a replica of ours         no group    report `removed`
 *   nothing                                  group       nothing: absence deletes no data (S13)
 *
 * A voter that said yes once may have voted; made again with an empty log it could vote twice in one
 * term (S7, S8). So a lost replica is reported and replaced under another id by the coordinator.
 *
 * Only groups that metadata does not yet agree with are looked at again; everything is idempotent.
 */
import type { Clock, Gauge, Logger, Timer } from "@millrace/base";
import { METADATA_GROUP_ID } from "@millrace/base";
import type {
  GroupPlacement,
  MetadataView,
  ReplicaPlacement,
  RetiredReplicaRecord,
  TombstoneRecord,
} from "@millrace/model";
import { isUnopenedShard } from "@millrace/model";

import { GROUP_CHANGES_MAX, MOVE_STEP_MS, REPORT_AGAIN_MS } from "./bounds.ts";
import { nextMove } from "./move-step.ts";
import type { BrokerLane, LaneGroup } from "./ports.ts";
import { isGraceOver, unknownReplicas } from "./reconcile-drops.ts";
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
  /** Ends every answer of the group before its data goes. Told again and again until it has gone. */
  readonly stopServing: (groupId: number) => void;
  readonly unknownReplicas: Gauge;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Groups that metadata and this node may not agree on. */
  readonly #open = new Set<number>();
  readonly #tombstones = new Map<number, TombstoneRecord>();
  /** Retired replicas of this node, by group; the newest, should there be several. */
  readonly #retired = new Map<number, RetiredReplicaRecord>();
  /** Groups whose members metadata changes, or whose leader here has something to tell of them. */
  readonly #moving = new Set<number>();
  #moveTimer: Timer | undefined;
  /** Groups being created or dropped right now. */
  readonly #changing = new Set<number>();
  /** Replicas here that take no part, by group. */
  #damaged: ReadonlyMap<number, number> = new Map();
  #unsubscribe: (() => void) | undefined;
  #forgetDamage: (() => void) | undefined;
  #timer: Timer | undefined;
  #running = false;
  #lookingAgain = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.#unsubscribe = this.#options.view.onChange((keys) => this.#learn(keys));
    const { view, lane } = this.#options;
    this.#forgetDamage = lane.onDamaged(() => this.#learnDamage());
    this.#learnDamage();
    if (view.ready) this.#learn(view.snapshot().map(({ key }) => key));
    this.#tick();
  }

  stop(): void {
    this.#running = false;
    this.#unsubscribe?.();
    this.#forgetDamage?.();
    this.#timer?.cancel();
    this.#moveTimer?.cancel();
  }

  /** The group's replica here began or ceased to lead: a shard in creation waits for that word. */
  roleChanged(groupId: number): void {
    if (this.#open.has(groupId)) this.#settle(groupId);
    this.#moveOn(groupId);
  }

  #tick(): void {
    this.#timer = this.#options.clock.schedule(REPORT_AGAIN_MS, () => {
      this.#learnDamage(); // and settles all
      const { lane, view, unknownReplicas: gauge } = this.#options;
      const here = [...lane.groups()];
      for (const { groupId } of here) this.#moveOn(groupId);
      gauge.set(unknownReplicas(view, [...here, ...lane.damaged()]).length);
      this.#tick();
    });
  }

  #learn(keys: readonly string[]): void {
    if (keys.some((key) => key.startsWith("tombstone/"))) this.#learnTombstones();
    if (keys.some((key) => key.startsWith("retired/"))) this.#learnRetired();
    for (const key of keys) {
      const [kind, streamId, index] = key.split("/");
      if (kind === "cluster") this.#learnGroup(METADATA_GROUP_ID);
      if (kind !== "shard" || streamId === undefined) continue;
      const shard = this.#options.view.shard(streamId, Number(index));
      if (shard !== undefined) this.#learnGroup(shard.groupId);
    }
    this.#settleAll();
  }

  #learnGroup(groupId: number): void {
    // The cluster's record changes every minute, and concerns this node only while the group moves.
    if (groupId !== METADATA_GROUP_ID || this.#placement(groupId) !== undefined) {
      this.#open.add(groupId);
    }
    this.#moveOn(groupId);
  }

  #learnDamage(): void {
    const { lane, stopServing } = this.#options;
    this.#damaged = new Map(lane.damaged().map((one) => [one.groupId, one.replicaId]));
    for (const groupId of this.#damaged.keys()) {
      stopServing(groupId);
      this.#open.add(groupId);
    }
    this.#settleAll();
  }

  /** Id of the replica of the group whose data is on this node. */
  #replicaHere(groupId: number): number | undefined {
    return this.#damaged.get(groupId) ?? this.#options.lane.group(groupId)?.replicaId;
  }

  #learnRetired(): void {
    this.#retired.clear();
    const { nodeId, incarnation } = this.#options;
    for (const record of this.#options.view.list("retired")) {
      const { groupId, replica } = record;
      if (replica.nodeId !== nodeId || replica.incarnation !== incarnation) continue;
      this.#retired.set(groupId, record);
      this.#open.add(groupId);
    }
  }

  /** Where metadata has the replicas of a group. */
  #placement(groupId: number): GroupPlacement | undefined {
    const { view } = this.#options;
    if (groupId === METADATA_GROUP_ID) return view.cluster()?.metadataGroup;
    return view.shardOfGroup(groupId);
  }

  /**
   * Leads the group: takes the next step of its move, and tells of the members when they are at rest.
   * Steps wait for one another in the group's log, so they are looked at by time while there is a move.
   */
  #moveOn(groupId: number): void {
    if (!this.#running) return;
    const group = this.#options.lane.group(groupId);
    const placed = this.#placement(groupId);
    if (group?.isReadyLeader !== true || placed === undefined) {
      this.#moving.delete(groupId);
      return;
    }
    const { confIndex, isJoint, learners, voters } = group.membership;
    const isNews = confIndex > (placed.confIndex ?? 0) && !isJoint && learners.length === 0;
    if (isNews) this.#reportMembers(group, confIndex, voters);
    if (placed.move === undefined && !isNews) {
      this.#moving.delete(groupId);
      return;
    }
    this.#moving.add(groupId);
    this.#scheduleMoves();
    const wanted = nextMove(placed, group.membership);
    if (wanted === undefined) return;
    const answer = group.moveMembers(wanted.members, group.term, wanted.anew);
    if (answer.kind !== "refused") return;
    const { code, message } = answer.error;
    this.#options.logger.warn("A step of a group's members was refused", {
      groupId,
      code,
      message,
    });
  }

  #scheduleMoves(): void {
    this.#moveTimer ??= this.#options.clock.schedule(MOVE_STEP_MS, () => {
      this.#moveTimer = undefined;
      for (const groupId of this.#moving) this.#moveOn(groupId);
    });
  }

  #reportMembers(group: LaneGroup, confIndex: number, voters: readonly number[]): void {
    const { groupId, replicaId } = group;
    this.#options.reports.add({
      groupId,
      replicaId,
      state: "created",
      leading: true,
      removed: false,
      confIndex,
      voters,
    });
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
    const here = this.#replicaHere(groupId);
    const retired = this.#retired.get(groupId);
    const isRetiredHere = here !== undefined && here === retired?.replica.replicaId;
    if (retired !== undefined && !isRetiredHere) {
      this.#report(retired.replica, groupId, { removed: true });
    }
    const shard = this.#placement(groupId);
    const replica = shard === undefined ? undefined : this.#ownOf(shard);
    if (retired !== undefined && isRetiredHere) {
      // Its successor is to be made here, from the same group's data: the grace has nothing to save.
      if (replica?.state === "creating" || isGraceOver(this.#options.view, retired)) {
        return this.#drop(groupId);
      }
      return this.#options.stopServing(groupId);
    }
    if (shard === undefined || replica === undefined) {
      if (retired === undefined) this.#agree(groupId);
      return;
    }
    const isHere = here === replica.replicaId;
    const isDamaged = this.#damaged.has(groupId);
    // Another replica of the group is here: its end must be ordered first, unless it is damaged.
    if (here !== undefined && !isHere && !isDamaged) return;
    if (!isHere && replica.state === "creating") return this.#create(shard, replica);
    if (isHere && !isDamaged) return this.#reportHere(shard, replica);
    const isRecorded = replica.state === "lost" || replica.state === "damaged";
    if (isRecorded) this.#agree(groupId);
    else this.#report(replica, groupId, { state: isHere ? "damaged" : "lost" });
  }

  /** A move's new replica first: it may be ordered to where the damaged one is that it replaces. */
  #ownOf({ replicas, move }: GroupPlacement): ReplicaPlacement | undefined {
    return this.#own(move?.add === undefined ? replicas : [move.add, ...replicas]);
  }

  #reportHere({ groupId }: GroupPlacement, replica: ReplicaPlacement): void {
    const leading = this.#options.isLeading(groupId);
    const shard = this.#options.view.shardOfGroup(groupId);
    const isUnopened = shard !== undefined && isUnopenedShard(shard);
    const awaited = replica.state === "creating" || (isUnopened && leading);
    if (awaited) this.#report(replica, groupId, { leading });
    else if (!isUnopened) this.#agree(groupId);
  }

  #create({ groupId, replicas, initialVoters, move }: GroupPlacement, own: ReplicaPlacement): void {
    const isJoining = move?.add?.replicaId === own.replicaId;
    const members = isJoining ? [...replicas, own] : replicas;
    this.#change(groupId, "created", async () => {
      await this.#options.lane.createGroup({
        groupId,
        replicaId: own.replicaId,
        kind: groupId === METADATA_GROUP_ID ? "metadata" : "shard",
        members: members.map(({ replicaId, nodeId }) => ({ replicaId, nodeId })),
        ...(isJoining && initialVoters !== undefined ? { voters: initialVoters } : {}),
        preferredLeader: !isJoining && replicas[0]?.replicaId === own.replicaId,
      });
    });
  }

  #bury(tombstone: TombstoneRecord): void {
    const { groupId } = tombstone;
    if (this.#replicaHere(groupId) === undefined) {
      const replica = this.#own(tombstone.replicas);
      if (replica === undefined) this.#agree(groupId);
      else this.#report(replica, groupId, { removed: true });
      return;
    }
    if (isGraceOver(this.#options.view, tombstone)) this.#drop(groupId);
    else this.#options.stopServing(groupId);
  }

  #drop(groupId: number): void {
    const { lane, stopServing } = this.#options;
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
        if (this.#damaged.has(groupId)) this.#learnDamage();
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
    what: {
      readonly state?: "lost" | "damaged";
      readonly leading?: boolean;
      readonly removed?: boolean;
    },
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
    const { reports } = this.#options;
    reports.settled(groupId);
    if (this.#retired.has(groupId)) return; // its record goes when the report has arrived
    this.#open.delete(groupId);
    reports.settledRemoved(groupId);
  }
}
