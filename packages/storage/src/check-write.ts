/**
 * What a write must satisfy before it touches memory or disk. A violation is a bug of the host, and
 * the later it shows, the more it has damaged.
 */
import { safeInteger, StreamError } from "@millrace/base";

import type { LaneGroup } from "./lane-group.ts";
import { requireShipped } from "./lane-healing.ts";
import {
  CONF_MEMBERS_MAX,
  DESCRIPTION_BYTES_MAX,
  ENTRY_BYTES_MAX,
  STATE_BYTES_MAX,
  STATE_INLINE_BYTES_MAX,
} from "./limits.ts";
import { requireBytesWithin } from "./state-files.ts";
import type {
  ConfState,
  GroupInit,
  GroupWrite,
  HardState,
  LogEntry,
  StateSnapshot,
} from "./types.ts";

/** @throws StreamError `invalid-argument`, naming group, field, value and bound. */
export function checkWrite(group: LaneGroup, write: GroupWrite): void {
  const { snapshot, hardState, entries, trim } = write;
  let base = group.firstIndex() - 1;
  let last = group.lastIndex();
  let cutFloor = group.flushedThrough;
  if (snapshot !== undefined) {
    checkState(group, "snapshot", snapshot, group.firstIndex(), Number.MAX_SAFE_INTEGER);
    base = snapshot.index;
    last = snapshot.index;
    cutFloor = snapshot.index;
  }
  if (write.shipped !== undefined) {
    if (snapshot === undefined) {
      throw new StreamError("invalid-argument", `${field(group, "shipped")} needs a snapshot`);
    }
    requireShipped(group, snapshot, write.shipped);
    base = write.shipped.afterIndex;
  }
  if (hardState !== undefined) checkHardState(group, hardState);
  if (entries !== undefined && entries.length > 0) {
    checkEntries(group, entries, Math.max(base, cutFloor), last);
    last = entries.at(-1)?.index ?? last;
  }
  if (trim !== undefined) {
    safeInteger(field(group, "trim.throughIndex"), trim.throughIndex, base, last);
    checkState(group, "trim.snapshot", trim.snapshot, trim.throughIndex, last);
  }
}

/** S7: neither term nor vote may go back, nor may a vote change within a term. */
function checkHardState(group: LaneGroup, { term, vote, commit }: HardState): void {
  const old = group.hardState;
  safeInteger(field(group, "hardState.term"), term, old.term);
  safeInteger(field(group, "hardState.vote"), vote);
  safeInteger(field(group, "hardState.commit"), commit, old.commit);
  if (term === old.term && old.vote !== 0 && vote !== old.vote) {
    throw new StreamError(
      "invalid-argument",
      `${field(group, "hardState.vote")} is ${vote}, but ${old.vote} has the vote of term ${term}`,
    );
  }
}

function checkEntries(
  group: LaneGroup,
  entries: readonly LogEntry[],
  cutFloor: number,
  last: number,
): void {
  const first = entries[0]?.index ?? 0;
  safeInteger(field(group, "entries[0].index"), first, cutFloor + 1, last + 1);
  let expected = first;
  for (const { index, term, data } of entries) {
    if (index !== expected) {
      throw new StreamError(
        "invalid-argument",
        `${field(group, "entries")} has index ${index} where ${expected} belongs`,
      );
    }
    if (!(term >= 0)) safeInteger(field(group, "entries.term"), term);
    if (data.byteLength > ENTRY_BYTES_MAX) {
      requireBytesWithin(field(group, `entries.data at ${index}`), data, ENTRY_BYTES_MAX);
    }
    expected++;
  }
}

function checkState(
  group: LaneGroup,
  name: string,
  { index, term, confState, state }: StateSnapshot,
  min: number,
  max: number,
): void {
  safeInteger(field(group, `${name}.index`), index, min, max);
  safeInteger(field(group, `${name}.term`), term);
  checkConfState(field(group, `${name}.confState`), confState);
  requireBytesWithin(field(group, `${name}.state`), state, STATE_BYTES_MAX);
}

export function checkConfState(name: string, conf: ConfState): void {
  const lists = [conf.voters, conf.learners, conf.votersOutgoing, conf.learnersNext];
  for (const members of lists) {
    safeInteger(`${name} members`, members.length, 0, CONF_MEMBERS_MAX);
    for (const member of members) safeInteger(`${name} member`, member, 1);
  }
}

/** @throws StreamError `invalid-argument` */
export function checkInit(init: GroupInit): void {
  safeInteger("groupId", init.groupId, 1);
  safeInteger("replicaId", init.replicaId, 1);
  safeInteger("kind", init.kind, 0, 255);
  checkConfState("confState", init.confState);
  if (init.description !== undefined) {
    requireBytesWithin("description", init.description, DESCRIPTION_BYTES_MAX);
  }
}

/** Whether a checkpoint may carry the state: storage must hold the log up to it. */
export function fitsCheckpoint(group: LaneGroup, snapshot: StateSnapshot): boolean {
  const { written } = group;
  if (written === undefined) return false;
  return (
    snapshot.index > written.applied.index &&
    snapshot.index <= written.lastIndex &&
    snapshot.state.byteLength <= STATE_BYTES_MAX
  );
}

export const fitsInline = (state: Uint8Array) => state.byteLength <= STATE_INLINE_BYTES_MAX;

const field = (group: LaneGroup, name: string) => `group ${group.groupId}: ${name}`;
