/**
 * One replica of one shard on this node: the state machine that the lane applies to, and around it what
 * a leader needs to take puts and answer reads.
 */
import { invariant } from "@millrace/base";
import type { StateMachine } from "@millrace/replica";

import type { BrokerContext } from "../context.ts";
import type { AppliedEntry, RoleChange, ShardGroup } from "../ports.ts";
import { AppendLane } from "./append-lane.ts";
import { ShardLimiter } from "./shard-limiter.ts";
import { ShardState } from "./shard-state.ts";
import { TailNotifier } from "./tail-notifier.ts";

/** What the broker is told of a replica, in the middle of the lane's turn. */
export interface ShardEvents {
  roleChanged(): void;
  /** The shard's seal was applied here. */
  sealed(): void;
}

export class HostedShard implements StateMachine {
  readonly group: ShardGroup;
  readonly state = new ShardState();
  readonly limiter: ShardLimiter;
  readonly tail: TailNotifier;
  readonly appends: AppendLane;
  /** A TRIM of this leader is in the log and not applied yet. */
  trimming = false;
  readonly #context: BrokerContext;
  readonly #events: ShardEvents;
  readonly #wakeReaders = () => this.tail.advanced(this.state.nextOffset);
  readonly #wakeAllReaders = () => this.tail.wakeAll();
  #appliedIndex = 0;

  constructor(context: BrokerContext, group: ShardGroup, events: ShardEvents) {
    this.#context = context;
    this.group = group;
    this.limiter = new ShardLimiter(context.clock.monotonicMs());
    this.tail = new TailNotifier(context.clock);
    this.appends = new AppendLane(context, group, this.state, this.limiter);
    this.#events = events;
  }

  /** Last log index whose effect is in `state`: reads go no further (S5). */
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Last log index that can hold records: what stands behind a seal is no part of the shard (S10). */
  get readableIndex(): number {
    return this.state.sealed
      ? Math.min(this.state.sealIndex, this.#appliedIndex)
      : this.#appliedIndex;
  }

  /** The limiter, up to date with the cluster's policy. */
  followLimits(): ShardLimiter {
    const { view, clock } = this.#context;
    this.limiter.follow(view.cluster()?.limits, clock.monotonicMs());
    return this.limiter;
  }

  apply(entries: readonly AppliedEntry[]): void {
    for (const { index, data } of entries) {
      invariant(index > this.#appliedIndex, "entries are applied once and in order");
      const trimmedBefore = this.state.trimOffset;
      const effect = this.state.apply(index, data);
      this.#appliedIndex = index;
      if (effect === "records") this.#context.turn.add(this.#wakeReaders);
      if (effect === "sealed") this.#sealed();
      if (effect === "refused") this.#context.metrics.refusedEntries.add();
      if (effect === "trimmed") {
        this.#context.metrics.trimmedRecords.add(this.state.trimOffset - trimmedBefore);
        this.group.trim(this.state.trimIndex);
      }
    }
  }

  advanced(appliedIndex: number): void {
    this.#appliedIndex = Math.max(this.#appliedIndex, appliedIndex);
  }

  snapshot(): Uint8Array {
    return this.state.snapshot();
  }

  restore(state: Uint8Array, index: number): void {
    this.state.restore(state);
    this.#appliedIndex = index;
  }

  trimSnapshot(throughIndex: number): Uint8Array {
    return this.state.trimSnapshot(throughIndex);
  }

  roleChanged(change: RoleChange): void {
    // Readers that wait here may have to go elsewhere; they look again after this turn.
    if (change.role !== "leader") this.#context.turn.add(this.#wakeAllReaders);
    this.#events.roleChanged();
  }

  #sealed(): void {
    this.#context.turn.add(this.#wakeAllReaders);
    this.#events.sealed();
  }
}
