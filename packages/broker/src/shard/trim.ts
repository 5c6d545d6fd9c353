/**
 * Retention: what is older than the stream keeps is dropped by a command in the shard's own log, so
 * that every replica drops the same (S9).
 *
 * The leader decides, by the earlier of its clock and the one that the coordinator committed: a broker
 * whose clock runs ahead alone must not drop records before their time. Whole entries only; a command
 * that would drop no record is not proposed, or idle shards would write for ever.
 * Source: reference/raft-and-log G.10.
 */
import { StreamError } from "@millrace/base";

import type { BrokerContext } from "../context.ts";
import type { HostedShard } from "./hosted-shard.ts";
import { firstEntryAtTime } from "./locate.ts";
import type { TrimCommand } from "./shard-commands.ts";
import { encodeCommand } from "./shard-commands.ts";

const HOUR_MS = 3_600_000;

/** Arrivals before this may go, epoch milliseconds; `undefined` while that cannot be known. */
export function trimCutoffMs(
  { view, clock }: Pick<BrokerContext, "view" | "clock">,
  groupId: number,
): number | undefined {
  const shard = view.shardOfGroup(groupId);
  const cluster = view.cluster();
  if (shard === undefined || cluster === undefined) return undefined;
  const stream = view.stream(shard.account, shard.streamName);
  if (stream === undefined || stream.streamId !== shard.streamId) return undefined;
  const nowMs = Math.min(clock.nowMs(), cluster.trimClockMs);
  return Math.max(0, nowMs - stream.retentionHours * HOUR_MS);
}

/** What to propose now, or `undefined` when no whole entry is too old. */
export async function planTrim(
  context: Pick<BrokerContext, "disk">,
  hosted: HostedShard,
  cutoffMs: number,
): Promise<TrimCommand | undefined> {
  const { state } = hosted;
  if (state.trimOffset === state.nextOffset || cutoffMs === 0) return undefined;
  const kept = await firstEntryAtTime(context, hosted, cutoffMs);
  if (kept !== undefined) {
    if (kept.baseOffset <= state.trimOffset) return undefined;
    const throughIndex = kept.index - 1;
    return {
      kind: "trim",
      offset: kept.baseOffset,
      throughIndex,
      cutoffMs,
      arrivalFloorMs: Math.min(cutoffMs, kept.arrivalMs),
    };
  }
  if (state.lastArrivalMs >= cutoffMs) return undefined;
  // Everything applied is too old; what is in flight arrived later than that.
  return {
    kind: "trim",
    offset: state.nextOffset,
    throughIndex: hosted.appliedIndex,
    cutoffMs,
    arrivalFloorMs: state.lastArrivalMs,
  };
}

/** Looks at one led shard and proposes its trim, at most one at a time. */
export async function trimShard(context: BrokerContext, hosted: HostedShard): Promise<void> {
  const { group } = hosted;
  const cutoffMs = trimCutoffMs(context, group.groupId);
  if (cutoffMs === undefined || hosted.trimming || !group.isReadyLeader) return;
  hosted.trimming = true;
  const { term } = group;
  try {
    const command = await planTrim(context, hosted, cutoffMs);
    if (command === undefined || !group.isReadyLeader) {
      hosted.trimming = false;
      return;
    }
    const at = { baseOffset: hosted.state.nextOffset, arrivalMs: context.clock.nowMs() };
    const answer = group.propose(encodeCommand(command, at), term, () => {
      hosted.trimming = false;
    });
    if (answer instanceof StreamError) hosted.trimming = false;
  } catch (error) {
    hosted.trimming = false;
    context.logger.warn("A shard could not be looked at for trimming", {
      groupId: group.groupId,
      error: String(error),
    });
  }
}
