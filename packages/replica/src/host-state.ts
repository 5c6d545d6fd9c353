/**
 * The state of one replica, as checkpoints, snapshots and the trimming of its log need it.
 *
 * State, configuration and index must belong together: whoever starts from a state replays the log
 * above its index on it, so a state that names a lower index has entries applied twice (S2).
 */
import { invariant } from "@millrace/base";
import type { GroupLog, StateSnapshot } from "@millrace/storage";

import { encodeEnvelope, type ConfAt, type Membership } from "./membership.ts";
import type { GroupKind, StateMachine } from "./types.ts";

/** What is read of the replica at the moment of the question. */
export interface StateOwner {
  readonly log: GroupLog;
  readonly kind: GroupKind;
  readonly groupId: number;
  readonly membership: Membership;
  readonly machine: StateMachine | undefined;
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** A snapshot that is on its way to disk: the machine's state lies below the new log. */
  readonly installing: StateSnapshot | undefined;
  readonly isStopped: boolean;
  /** Entries are going into the machine: its state belongs to no index that can be named. */
  readonly isApplying: boolean;
}

export interface StateBounds {
  readonly compactAfterEntries: number;
  readonly snapshotBytesMax: number;
}

export type Trim = { readonly throughIndex: number; readonly snapshot: StateSnapshot };

export class HostState {
  readonly #owner: StateOwner;
  readonly #bounds: StateBounds;
  #trimThrough = 0;

  constructor(owner: StateOwner, bounds: StateBounds) {
    this.#owner = owner;
    this.#bounds = bounds;
  }

  /** Takes the wish to drop entries; the lowest that is not dropped counts. */
  requestTrim(throughIndex: number): void {
    this.#trimThrough = Math.max(this.#trimThrough, throughIndex);
  }

  /** The state at the applied index. Throws what the state machine throws. */
  now(): StateSnapshot {
    const { installing, machine, appliedIndex, appliedTerm, membership } = this.#owner;
    if (installing !== undefined) return installing;
    const state = machine?.snapshot() ?? new Uint8Array(0);
    return this.#at(appliedIndex, appliedTerm, membership.now, state);
  }

  /** For a follower that has asked for a later state than the log's base; undefined while there is none. */
  forFollower(): StateSnapshot | undefined {
    const { isApplying, isStopped } = this.#owner;
    return isApplying || isStopped ? undefined : this.now();
  }

  /** What can be dropped from the log now; undefined when nothing can. */
  takeTrim(): Trim | undefined {
    const { appliedIndex, kind, log } = this.#owner;
    const held = appliedIndex - log.firstIndex() + 1;
    if (kind === "metadata" && held > this.#bounds.compactAfterEntries) {
      return this.#trim(appliedIndex, this.now());
    }
    const through = Math.min(this.#trimThrough, appliedIndex);
    this.#trimThrough = 0;
    return through < log.firstIndex() ? undefined : this.#trimAt(through);
  }

  #trimAt(through: number): Trim {
    const { log, machine, membership, groupId } = this.#owner;
    // The members of before the last change are not known after a restart, nor to a log that was
    // shipped: the state of now stands below the log then, with its own members.
    const conf = membership.at(through);
    if (conf === undefined) return this.#trim(through, this.now());
    const term = log.term(through);
    const state = machine?.trimSnapshot?.(through);
    invariant(state !== undefined, `group ${groupId} trims, but has no trimSnapshot`);
    invariant(typeof term === "number", () => `entry ${through} to trim is ${term}`);
    return this.#trim(through, this.#at(through, term, conf, state));
  }

  #trim(throughIndex: number, snapshot: StateSnapshot): Trim {
    const { snapshotBytesMax } = this.#bounds;
    const bytes = snapshot.state.length;
    invariant(
      bytes <= snapshotBytesMax,
      () => `the state has ${bytes} bytes, the bound is ${snapshotBytesMax}`,
    );
    this.#owner.membership.trimmed(throughIndex);
    return { throughIndex, snapshot };
  }

  #at(index: number, term: number, conf: ConfAt, state: Uint8Array): StateSnapshot {
    const enveloped = { confIndex: conf.index, members: this.#owner.membership.known, state };
    return { index, term, confState: conf.confState, state: encodeEnvelope(enveloped) };
  }
}
