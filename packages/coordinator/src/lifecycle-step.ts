/**
 * What the leader should commit next to bring what is to what should be: one step at a time.
 *
 * The decision is a pure function of committed state, so it can be taken again by any later leader
 * after any crash: a step that was committed is not asked for again, one that was lost is.
 */
import type { ReplicaPlacement, TombstoneRecord } from "@millrace/model";
import { placementPolicy } from "@millrace/model";

import { canOpen } from "./state/apply-stream.ts";
import { membersStep, MEMBERS_TIMING_DEFAULT, type MembersTiming } from "./members-step.ts";
import type { Hearing } from "./silence.ts";
import { silenceStep } from "./silence.ts";
import { RESHARD_TIMING_DEFAULT, reshardStep, type ReshardTiming } from "./reshard-step.ts";
import type { Command, FormClusterCommand } from "./state/command.ts";
import type { MetadataState } from "./state/metadata-state.ts";

export interface LifecycleTiming extends MembersTiming, ReshardTiming {
  /**
   * How long shards of a DELETING stream have to stop serving before their records go, and brokers
   * begin to drop the data. @default 1000
   */
  readonly deleteDelayMs: number;
  /** How often the clock that trims go by is committed while there are streams. @default 60_000 */
  readonly trimClockIntervalMs: number;
  /**
   * How long after the grace of what is deleted its record no longer waits for replicas that cannot
   * report: never made, lost, or on a disk that was replaced. @default 3_600_000
   */
  readonly tombstoneGraceMs: number;
}

export const LIFECYCLE_TIMING_DEFAULT: LifecycleTiming = {
  deleteDelayMs: 1_000,
  trimClockIntervalMs: 60_000,
  tombstoneGraceMs: 60 * 60_000,
  ...MEMBERS_TIMING_DEFAULT,
  ...RESHARD_TIMING_DEFAULT,
};

/** Tombstones that one command drops at most. */
const TOMBSTONES_PER_STEP_MAX = 1_000;

export interface LifecycleInput extends Hearing {
  readonly state: MetadataState;
  readonly timing: LifecycleTiming;
  readonly monotonicMs: number;
  /** A forming order that reached this node. */
  readonly forming: FormClusterCommand | undefined;
  /** When this leader first saw a stream DELETING, on its monotonic clock, by stream id. */
  readonly deletingSeenMs: ReadonlyMap<string, number>;
  /** The state that a live process told of itself. */
  readonly heardState: (nodeId: number, incarnation: string) => string | undefined;
  /** Voters of the metadata group as its leader has them, at rest since it was formed. */
  readonly ownVoters: () => readonly VoterPlace[] | undefined;
}

interface VoterPlace {
  readonly replicaId: number;
  readonly nodeId: number;
}

/** The next command, or how many milliseconds to wait for one if nothing changes; `Infinity` for ever. */
export type LifecycleStep = Command | { readonly kind: "wait"; readonly waitMs: number };

export function nextStep(input: LifecycleInput): LifecycleStep {
  if (input.state.view.cluster() === undefined) {
    return input.forming ?? { kind: "wait", waitMs: Infinity };
  }
  if (input.state.view.cluster()?.metadataGroup === undefined) {
    const record = metadataGroupStep(input);
    if (record !== undefined) return record;
  }
  const retiredGraceMs = forgetAfterMs(input);
  const steps = [
    nodeStep(input),
    silenceStep(input.state.nodes.values(), input),
    streamStep(input),
    reshardStep(input),
    membersStep({ ...input, retiredGraceMs }),
    tombstoneStep(input),
    trimClockStep(input),
  ];
  let waitMs = Infinity;
  for (const step of steps) {
    if (step.kind !== "wait") return step;
    waitMs = Math.min(waitMs, step.waitMs);
  }
  return { kind: "wait", waitMs };
}

/** A process that says it drains gets no new replicas; one that is back gets some again. */
function nodeStep({ state, heardState }: LifecycleInput): LifecycleStep {
  for (const { nodeId, incarnation, state: recorded } of state.nodes.values()) {
    const heard = heardState(nodeId, incarnation);
    if (heard !== "draining" && heard !== "ready") continue;
    const wanted = heard === "draining" ? "draining" : "active";
    if (wanted !== recorded) return { kind: "set-node-state", nodeId, incarnation, state: wanted };
  }
  return { kind: "wait", waitMs: Infinity };
}

function streamStep(input: LifecycleInput): LifecycleStep {
  const { state, timing, nowMs, monotonicMs, deletingSeenMs } = input;
  let waitMs = Infinity;
  for (const { account, streamName, streamId, status } of state.unsettledStreams.values()) {
    const target = { account, streamName, streamId };
    if (status === "CREATING") {
      const { ledGroups } = state.auxiliary;
      const ready = state.view.shards(streamId).every((shard) => canOpen(shard, ledGroups));
      if (ready) return { kind: "activate-stream", ...target };
      continue;
    }
    if (status === "UPDATING") continue; // reshard-step.ts
    const seenMs = deletingSeenMs.get(streamId) ?? monotonicMs;
    const leftMs = seenMs + timing.deleteDelayMs - monotonicMs;
    if (leftMs <= 0) return { kind: "remove-stream", ...target, nowMs };
    waitMs = Math.min(waitMs, leftMs);
  }
  return { kind: "wait", waitMs };
}

function dropGraceMs({ state }: LifecycleInput): number {
  return placementPolicy(state.view.cluster()).dropGraceMs;
}

/** Brokers keep the data for the grace, and have as long as `tombstoneGraceMs` after it to say that it is gone. */
function forgetAfterMs(input: LifecycleInput): number {
  return dropGraceMs(input) + input.timing.tombstoneGraceMs;
}

/**
 * A cluster that was formed before the place of its metadata group was recorded: its leader knows who
 * the voters are, and without the record none of them could ever be replaced.
 */
function metadataGroupStep({ state, ownVoters }: LifecycleInput): Command | undefined {
  const voters = ownVoters();
  if (voters === undefined || voters.length === 0) return undefined;
  const replicas = voters.flatMap(({ replicaId, nodeId }): readonly ReplicaPlacement[] => {
    const incarnation = state.nodes.get(nodeId)?.incarnation;
    return incarnation === undefined ? [] : [{ replicaId, nodeId, incarnation, state: "created" }];
  });
  // A voter that has not registered yet: its start is waited for.
  if (replicas.length < voters.length) return undefined;
  return { kind: "record-metadata-group", replicas };
}

function tombstoneStep(input: LifecycleInput): LifecycleStep {
  const { state, nowMs } = input;
  const groupIds: number[] = [];
  let waitMs = Infinity;
  for (const tombstone of state.tombstones.values()) {
    const leftMs = tombstone.deletedAtMs + forgetAfterMs(input) - nowMs;
    if (isSettled(state, tombstone, leftMs <= 0)) groupIds.push(tombstone.groupId);
    else if (leftMs > 0) waitMs = Math.min(waitMs, leftMs);
    if (groupIds.length === TOMBSTONES_PER_STEP_MAX) break;
  }
  return groupIds.length > 0 ? { kind: "drop-tombstones", groupIds } : { kind: "wait", waitMs };
}

/**
 * The record is the only order to delete (S13), so it stays until nobody needs it: without it, a
 * broker that comes back late would keep the data for ever.
 */
function isSettled(
  state: MetadataState,
  { replicas }: TombstoneRecord,
  graceOver: boolean,
): boolean {
  return replicas.every((replica) => graceOver && !mustReport(state, replica));
}

function mustReport(
  state: MetadataState,
  { nodeId, incarnation, state: replica }: ReplicaPlacement,
): boolean {
  const isThere = replica === "created" || replica === "damaged";
  const node = state.nodes.get(nodeId);
  return isThere && node?.incarnation === incarnation && node.goal !== "removed";
}

/** The cluster's clock: brokers trim by it, and count by it the grace of what they are to drop. */
function trimClockStep(input: LifecycleInput): LifecycleStep {
  const { state, timing, nowMs } = input;
  const trimClockMs = state.view.cluster()?.trimClockMs ?? 0;
  const graceMs = dropGraceMs(input);
  let dueMs = state.streamCount === 0 ? Infinity : trimClockMs + timing.trimClockIntervalMs;
  for (const records of [state.tombstones, state.retired]) {
    for (const { deletedAtMs } of records.values()) {
      const graceEndsMs = deletedAtMs + graceMs;
      if (graceEndsMs > trimClockMs) dueMs = Math.min(dueMs, graceEndsMs);
    }
  }
  if (dueMs <= nowMs) return { kind: "advance-trim-clock", nowMs };
  return { kind: "wait", waitMs: dueMs - nowMs };
}
