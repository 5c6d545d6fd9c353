/**
 * Start of a shard iterator: a position in words becomes an offset, on the shard's leader.
 *
 * Source: reference/kinesis-api 2.3. LATEST is fixed at call time and must lie behind every record
 * acknowledged before the call, whichever leader acknowledged it: hence the ReadIndex. So must a time
 * after all records here, or a deposed leader would send the reader back to records of before that time.
 */
import { StreamError } from "@millrace/base";
import { readEntryHeader } from "@millrace/model";

import type { BrokerContext } from "../context.ts";
import type { LogEntry } from "../ports.ts";
import type { HostedShard } from "./hosted-shard.ts";
import { requireReadyLeader } from "./shard-access.ts";

export type LocatePosition = "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP" | "NONE";

export interface LocateResult {
  readonly offset: number;
  readonly trimOffset: number;
  readonly endOffset: number;
}

/** @throws StreamError `throttled`, `not-leader`, `unavailable`, `overloaded`. */
export async function locate(
  context: BrokerContext,
  hosted: HostedShard,
  request: {
    readonly position: LocatePosition;
    readonly timestampMs: number;
    readonly limited: boolean;
  },
): Promise<LocateResult> {
  requireReadyLeader(context, hosted.group);
  if (request.limited) hosted.followLimits().takeIteratorCall(context.clock.monotonicMs());
  const { state } = hosted;
  const result = (offset: number) => ({
    offset: Math.max(offset, state.trimOffset),
    trimOffset: state.trimOffset,
    endOffset: state.nextOffset,
  });
  switch (request.position) {
    case "TRIM_HORIZON":
    case "NONE":
      return result(state.trimOffset);
    case "LATEST":
      await readBarrier(hosted);
      return result(state.nextOffset);
    case "AT_TIMESTAMP":
      return result(await offsetAtTime(context, hosted, request.timestampMs));
    default:
      throw new StreamError(
        "invalid-argument",
        `position is ${String(request.position)}, but must be TRIM_HORIZON, LATEST, AT_TIMESTAMP or NONE`,
      );
  }
}

/** Resolves when everything committed before the call is applied here. */
function readBarrier({ group }: HostedShard): Promise<void> {
  return new Promise((resolve, reject) => {
    group.readIndex((outcome) => {
      if (outcome instanceof StreamError) reject(outcome);
      else resolve();
    });
  });
}

async function offsetAtTime(
  context: BrokerContext,
  hosted: HostedShard,
  timestampMs: number,
): Promise<number> {
  const known = await appliedOffsetAtTime(context, hosted, timestampMs);
  if (known !== undefined) return known;
  await readBarrier(hosted);
  const { nextOffset } = hosted.state;
  return (await appliedOffsetAtTime(context, hosted, timestampMs)) ?? nextOffset;
}

async function appliedOffsetAtTime(
  context: BrokerContext,
  hosted: HostedShard,
  timestampMs: number,
): Promise<number | undefined> {
  if (timestampMs > hosted.state.lastArrivalMs) return undefined;
  const found = await firstEntryAtTime(context, hosted, timestampMs);
  return found?.baseOffset;
}

/** A records entry: where it is and what it begins with. */
export interface EntryPlace {
  readonly index: number;
  readonly baseOffset: number;
  readonly arrivalMs: number;
}

/** Place of the first applied entry whose records arrived at `arrivalMs` or later. */
export async function firstEntryAtTime(
  { disk }: Pick<BrokerContext, "disk">,
  hosted: HostedShard,
  arrivalMs: number,
): Promise<EntryPlace | undefined> {
  const { log } = hosted.group;
  const quick = log.locateTime(arrivalMs);
  let index =
    quick === "temporarily-unavailable"
      ? await disk.run(() => log.locateTimeAsync(arrivalMs))
      : quick;
  // At a trim point the log answers with what is left, which may begin with entries without records.
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const from = index;
    const end = hosted.readableIndex + 1;
    if (from === undefined || from >= end) return undefined;
    const known = log.entries(from, end, LOOK_BYTES);
    const entries =
      typeof known === "string"
        ? await disk.run(() => log.fetchEntries(from, end, LOOK_BYTES))
        : known;
    const found = entries.map(placeOf).find((place) => isFrom(place, arrivalMs));
    if (found !== undefined) return found;
    index = nextIndex(entries);
  }
  throw new StreamError(
    "unavailable",
    `group ${hosted.group.groupId}: no records near the time ${arrivalMs}`,
  );
}

/** Bytes of one look at the log, and looks before giving up: entries without records are few and small. */
const LOOK_BYTES = 4096;
const LOOKS_MAX = 100;

function placeOf({ type, index, data }: LogEntry): EntryPlace | undefined {
  if (type !== "EntryNormal" || data.byteLength === 0) return undefined;
  const { kind, baseOffset, arrivalMs } = readEntryHeader(data);
  return kind === "records" ? { index, baseOffset, arrivalMs } : undefined;
}

function isFrom(place: EntryPlace | undefined, arrivalMs: number): place is EntryPlace {
  return place !== undefined && place.arrivalMs >= arrivalMs;
}

function nextIndex(entries: readonly LogEntry[]): number | undefined {
  const last = entries.at(-1);
  return last === undefined ? undefined : last.index + 1;
}
