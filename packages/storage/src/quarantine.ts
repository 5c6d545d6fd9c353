/**
 * Replicas that damage may have touched. They keep their segments until somebody drops them, and take part in
 * nothing: one that voted, acknowledged or served without what it lost would break S1, S2 and S7. The
 * log says so, or the next start would take them for healthy.
 */
import type { Gauge, Metrics } from "@millrace/base";

import type { LaneGroup, WrittenState } from "./lane-group.ts";
import { DAMAGE_REASON_BYTES_MAX } from "./limits.ts";
import type { Extent } from "./segment-format.ts";

/** A replica that holds data, but must not take part. */
export interface DamagedGroup {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  readonly reason: string;
}

export class DamagedReplica implements DamagedGroup {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  readonly reason: string;
  /** What the WAL says of it; undefined before its frame is in the WAL, and once it is dropped. */
  written: WrittenState | undefined;
  readonly extents: readonly Extent[];
  /** The host has dropped it; its tombstone may still wait in the queue. */
  dropped = false;

  constructor(
    { groupId, replicaId, kind, description }: Omit<DamagedGroup, "reason">,
    reason: string,
    extents: readonly Extent[],
    written?: WrittenState,
  ) {
    this.groupId = groupId;
    this.replicaId = replicaId;
    this.kind = kind;
    this.description = description;
    this.reason = cutReason(reason);
    this.extents = extents;
    this.written = written;
  }
}

function cutReason(reason: string): string {
  let cut = reason.slice(0, DAMAGE_REASON_BYTES_MAX);
  while (Buffer.byteLength(cut) > DAMAGE_REASON_BYTES_MAX) cut = cut.slice(0, -1);
  // Half of a pair would grow to three bytes when it is written.
  return cut.replace(/[\uD800-\uDBFF]$/, "");
}

export class Quarantine {
  readonly #replicas: Set<DamagedReplica>;
  readonly #gauge: Gauge;

  constructor(found: readonly DamagedReplica[], metrics: Metrics) {
    this.#replicas = new Set(found);
    this.#gauge = metrics.gauge(
      "millrace_storage_quarantined_groups",
      "Replicas that damage on disk may have touched; each is to be replaced from its peers",
    );
    this.#gauge.set(found.length);
  }

  /** As the WAL has them: also those whose tombstone is not in it yet. */
  get replicas(): Iterable<DamagedReplica> {
    return this.#replicas;
  }

  /** As the host sees them, ascending by group. */
  list(): readonly DamagedGroup[] {
    return this.#listed()
      .map(({ groupId, replicaId, kind, description, reason }) => ({
        groupId,
        replicaId,
        kind,
        description,
        reason,
      }))
      .sort((left, right) => left.groupId - right.groupId);
  }

  get(groupId: number): DamagedReplica | undefined {
    return this.#listed().find((replica) => replica.groupId === groupId);
  }

  /** Takes a live group in; its extents are the replica's from now on. */
  take(group: LaneGroup, reason: string): DamagedReplica {
    const replica = new DamagedReplica(group, reason, group.extents);
    group.dropped = true;
    group.extents = [];
    this.#replicas.add(replica);
    this.#count();
    return replica;
  }

  /** The host is rid of the replica; the log still names it. */
  drop(replica: DamagedReplica): void {
    replica.dropped = true;
    this.#count();
  }

  /** The tombstone is in the WAL. */
  forget(replica: DamagedReplica): void {
    this.#replicas.delete(replica);
  }

  #listed(): DamagedReplica[] {
    return [...this.#replicas].filter(({ dropped }) => !dropped);
  }

  #count(): void {
    this.#gauge.set(this.#listed().length);
  }
}
