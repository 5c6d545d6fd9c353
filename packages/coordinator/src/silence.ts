/**
 * For how long nobody has heard of a process, whoever led the metadata group meanwhile.
 *
 * A leader's own memory ends with its leadership. If that were all, a cluster whose coordinator is
 * restarted every ten minutes would never make the replicas of a dead broker again. So the moment of
 * the last word is put into metadata, once per silence and once at its end, and each leader goes on
 * counting from there. Its own ears come first all the same: a node that it hears is not silent, and one
 * that it has not had the time to hear is not taken for dead because of what a predecessor wrote.
 */
import type { NodeRecord } from "@millrace/model";

import type { Command } from "./state/command.ts";

/** Silence after which it is put into metadata; below it, a leader's own memory will do. */
const NOTED_AFTER_MS = 10_000;

export interface Hearing {
  readonly nowMs: number;
  /** Heard of a moment ago. */
  readonly isAlive: (nodeId: number, incarnation: string) => boolean;
  /** How long this leader has not heard of that disk; at most as long as it leads. */
  readonly silentMs: (nodeId: number, incarnation: string) => number;
}

/** How long the process has been silent, milliseconds. */
export function silenceMs(
  { nodeId, incarnation, silentSinceMs }: NodeRecord,
  { nowMs, silentMs }: Hearing,
): number {
  const ownMs = silentMs(nodeId, incarnation);
  if (silentSinceMs === undefined || ownMs <= NOTED_AFTER_MS) return ownMs;
  return Math.max(ownMs, nowMs - silentSinceMs);
}

/** The next silence that begins or ends in metadata, or when to look again. */
export function silenceStep(
  nodes: Iterable<NodeRecord>,
  { nowMs, isAlive, silentMs }: Hearing,
): Command | { readonly kind: "wait"; readonly waitMs: number } {
  let waitMs = Infinity;
  for (const { nodeId, incarnation, goal, silentSinceMs } of nodes) {
    const target = { kind: "set-node-silence", nodeId, incarnation } as const;
    if (silentSinceMs !== undefined) {
      if (isAlive(nodeId, incarnation)) return target;
      continue;
    }
    if (goal === "removed") continue;
    const ownMs = silentMs(nodeId, incarnation);
    if (ownMs > NOTED_AFTER_MS) return { ...target, silentSinceMs: Math.floor(nowMs - ownMs) };
    waitMs = Math.min(waitMs, NOTED_AFTER_MS + 1 - ownMs);
  }
  return { kind: "wait", waitMs };
}
