/**
 * Drives the steps of lifecycle-step.ts while this node leads the metadata group.
 *
 * One step is in flight at a time: each is decided on what the former one left. Nothing is kept but
 * timers, so a change of leadership at any moment costs at most a repeated step.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { GroupMember } from "@millrace/replica";

import type { MetadataGroup } from "./group-port.ts";
import type { LifecycleTiming } from "./lifecycle-step.ts";
import { nextStep } from "./lifecycle-step.ts";
import type { NodeLiveness } from "./liveness.ts";
import type { Proposer } from "./proposer.ts";
import type { Command, FormClusterCommand } from "./state/command.ts";
import type { MetadataState } from "./state/metadata-state.ts";

/** After a step that failed. */
const RETRY_MS = 500;
/** A timer beyond this is set again when it runs out; timers of the platform end at 2^31 - 1. */
const WAIT_MS_MAX = 60 * 60_000;

export interface LifecycleOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: MetadataState;
  readonly proposer: Proposer;
  readonly liveness: NodeLiveness;
  readonly timing: LifecycleTiming;
  readonly group: () => MetadataGroup | undefined;
}

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #deletingSeenMs = new Map<string, number>();
  #forming: FormClusterCommand | undefined;
  #leading = false;
  #busy = false;
  #kicked = false;
  #timer: Timer | undefined;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  /** Starts or stops with leadership. */
  setLeading(leading: boolean): void {
    if (leading === this.#leading) return;
    this.#leading = leading;
    this.#deletingSeenMs.clear();
    this.#cancelTimer();
    if (leading) this.kick();
  }

  /** Remembers the order to form a cluster until some leader has committed it. */
  setForming(command: FormClusterCommand): void {
    this.#forming = command;
    this.kick();
  }

  /** Looks for something to do, once this turn's input is applied. */
  kick(): void {
    if (!this.#leading || this.#kicked) return;
    this.#kicked = true;
    this.#options.clock.soon(() => {
      this.#kicked = false;
      this.#run();
    });
  }

  #run(): void {
    if (!this.#leading || this.#busy) return;
    this.#cancelTimer();
    this.#noteDeleting();
    const { clock, state, liveness, timing } = this.#options;
    const step = nextStep({
      state,
      timing,
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      forming: this.#forming,
      deletingSeenMs: this.#deletingSeenMs,
      heardState: (nodeId, incarnation) => liveness.stateOf(nodeId, incarnation),
      isAlive: (nodeId, incarnation) => liveness.stateOf(nodeId, incarnation) !== undefined,
      silentMs: (nodeId, incarnation) => liveness.silentMs(nodeId, incarnation),
      ownVoters: () => this.#ownVoters(),
    });
    if (step.kind !== "wait") this.#commit(step);
    else if (step.waitMs < Infinity) this.#wait(step.waitMs);
  }

  #ownVoters(): readonly GroupMember[] | undefined {
    const group = this.#options.group();
    if (group === undefined) return undefined;
    const { confIndex, isJoint, learners, voters } = group.membership;
    if (confIndex > 0 || isJoint || learners.length > 0) return undefined;
    return group.members.filter(({ replicaId }) => voters.includes(replicaId));
  }

  #commit(command: Command): void {
    this.#busy = true;
    const { logger, proposer } = this.#options;
    void proposer.propose(command).then(
      () => {
        this.#busy = false;
        this.kick();
      },
      (error: unknown) => {
        this.#busy = false;
        const { code, message } = asStreamError(error);
        logger.warn("a lifecycle step failed", { step: command.kind, code, reason: message });
        if (this.#leading) this.#wait(RETRY_MS);
      },
    );
  }

  #noteDeleting(): void {
    const { clock, state } = this.#options;
    const deleting = new Set<string>();
    for (const { streamId, status } of state.unsettledStreams.values()) {
      if (status !== "DELETING") continue;
      deleting.add(streamId);
      const seenMs = this.#deletingSeenMs.get(streamId) ?? clock.monotonicMs();
      this.#deletingSeenMs.set(streamId, seenMs);
    }
    for (const streamId of this.#deletingSeenMs.keys()) {
      if (!deleting.has(streamId)) this.#deletingSeenMs.delete(streamId);
    }
  }

  #wait(waitMs: number): void {
    this.#cancelTimer();
    this.#timer = this.#options.clock.schedule(Math.min(waitMs, WAIT_MS_MAX), () => {
      this.#timer = undefined;
      this.#run();
    });
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
