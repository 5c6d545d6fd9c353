import { LaneGroup } from "./lane-group.ts";
import type { GroupShared } from "./lane-group.ts";
import type { GroupInit } from "./types.ts";

const EMPTY = Buffer.alloc(0);

/** A replica before its first entry. */
export function newGroup(
  { groupId, replicaId, kind, confState, description }: GroupInit,
  shared: GroupShared,
): LaneGroup {
  const base = { index: 0, term: 0, confState, state: EMPTY };
  return new LaneGroup(
    {
      groupId,
      replicaId,
      kind,
      description: description === undefined ? EMPTY : Buffer.from(description),
      hardState: { term: 0, vote: 0, commit: 0 },
      compactedIndex: 0,
      compactedTerm: 0,
      base,
      applied: base,
      extents: [],
    },
    shared,
  );
}
