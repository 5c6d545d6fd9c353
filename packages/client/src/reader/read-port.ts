/** What the reader needs of the links: single attempts at a node. */
import type { Target } from "../routing/leader-cache.ts";
import type { FetchedSlice, FetchQuery, LocatedOffset, ShardPosition } from "../types.ts";

export interface FetchAnswer {
  readonly slices: readonly FetchedSlice[];
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly trimOffset: number;
  readonly term: number;
  readonly nowMs: number;
  readonly sealed: boolean;
}

export interface ReadPort {
  /** @throws StreamError; `link: true` in `LinkFailure` when it is not the far end's own answer. */
  fetch(
    target: Target,
    groupId: number,
    query: FetchQuery,
    timeoutMs: number,
  ): Promise<FetchAnswer>;
  locate(
    target: Target,
    groupId: number,
    position: ShardPosition,
    timestampMs: number | undefined,
    limited: boolean,
    timeoutMs: number,
  ): Promise<LocatedOffset>;
}
