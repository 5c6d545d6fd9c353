/**
 * What a split or merge needs next from the coordinator, and when closed shards go.
 *
 * Pure, like every step: a later leader decides the same again. Between `seal-parents` and the end there is
 * nothing to decide, only to wait for: the parents' leaders seal and report, again and again until it is known.
 */
import type { StreamRecord } from "@millrace/model";

import { hasMajority } from "./members-step.ts";
import type { Hearing } from "./silence.ts";
import { shardExpiresAtMs } from "./state/apply-reshard.ts";
import { canOpen } from "./state/apply-stream.ts";
import type { Command } from "./state/command.ts";
import type { MetadataState } from "./state/metadata-state.ts";

export interface ReshardTiming {
  /**
   * Age from which a split or merge is taken back, when its children still have no majority or no
   * leader, or a parent has none: the stream could neither be resharded nor changed otherwise meanwhile. @default 300_000
   */
  readonly reshardPatienceMs: number;
}

export const RESHARD_TIMING_DEFAULT: ReshardTiming = { reshardPatienceMs: 5 * 60_000 };

/** How soon nodes are looked at again that a shard's majority waits for. */
const LOOK_AGAIN_MS = 500;

/** Closed shards that one command removes at most. */
const SHARDS_PER_STEP_MAX = 1_000;

export interface ReshardInput extends Pick<Hearing, "isAlive"> {
  readonly state: MetadataState;
  readonly timing: ReshardTiming;
  readonly nowMs: number;
}

type Step = Command | { readonly kind: "wait"; readonly waitMs: number };

export function reshardStep(input: ReshardInput): Step {
  let waitMs = Infinity;
  for (const stream of input.state.unsettledStreams.values()) {
    if (stream.reshard === undefined) continue;
    const step = stepOf(input, stream);
    if (step.kind !== "wait") return step;
    waitMs = Math.min(waitMs, step.waitMs);
  }
  return expiredShards(input) ?? { kind: "wait", waitMs };
}

function stepOf(
  { state, timing, nowMs, isAlive }: ReshardInput,
  { account, streamName, streamId, reshard }: StreamRecord,
): Step {
  if (reshard === undefined) return { kind: "wait", waitMs: Infinity };
  const target = { account, streamName, streamId };
  const shards = (indexes: readonly number[]) =>
    indexes.map((index) => state.view.shard(streamId, index));
  const parents = shards(reshard.parentShardIndexes);
  const children = shards(reshard.childShardIndexes);
  const isOrdered = parents.every((shard) => shard?.seal !== undefined);
  if (isOrdered) return { kind: "wait", waitMs: Infinity };
  const { ledGroups } = state.auxiliary;
  const isMade = children.every((shard) => shard !== undefined && canOpen(shard, ledGroups));
  // A parent that cannot seal would keep the other's producers waiting, sealed for as long as it is away.
  const isUp = [...parents, ...children].every(
    (shard) => shard !== undefined && hasMajority({ state, isAlive }, shard),
  );
  if (isMade && isUp) return { kind: "seal-parents", ...target };
  const leftMs = reshard.startedAtMs + timing.reshardPatienceMs - nowMs;
  if (leftMs <= 0) return { kind: "cancel-reshard", ...target, nowMs };
  return { kind: "wait", waitMs: isMade ? Math.min(leftMs, LOOK_AGAIN_MS) : leftMs };
}

/** By the clock that trims go by: what that one has not passed may still be readable. Its steps are occasion enough to look. */
function expiredShards({ state, nowMs: clockMs }: ReshardInput): Command | undefined {
  const nowMs = Math.min(clockMs, state.view.cluster()?.trimClockMs ?? 0);
  let found: StreamRecord | undefined;
  const shardIndexes: number[] = [];
  for (const shard of state.closedShards.values()) {
    const stream = found ?? state.view.stream(shard.account, shard.streamName);
    if (stream?.streamId !== shard.streamId || stream.status === "DELETING") continue;
    if (nowMs < (shardExpiresAtMs(shard, stream) ?? Infinity)) continue;
    found = stream;
    shardIndexes.push(shard.shardIndex);
    if (shardIndexes.length === SHARDS_PER_STEP_MAX) break;
  }
  if (found === undefined) return undefined;
  const { account, streamName, streamId } = found;
  return { kind: "remove-shards", account, streamName, streamId, shardIndexes, nowMs };
}
