/**
 * Replicas of this node that take no part in their groups any more, although their data is here.
 *
 * A replica whose log went back, or may have, could acknowledge one entry twice or vote twice in a
 * term. So it says nothing: no vote, no acknowledgement, no answer. It is reported, and replaced
 * under another id by a membership change; what it holds is kept until then.
 *
 *   D1  a replica is in this list before its next message could leave (S6, S7, S8)
 *   D2  the verdict is on disk soon after; a crash before that meets the same proof again, because
 *       the peer that gave it still remembers
 *
 * Source: reference G.4.6, G.4.7.
 */
import type { Logger } from "@millrace/base";
import type { LaneStorage } from "@millrace/storage";

import type { RaftHost } from "./raft-host.ts";
import type { DamagedReplica } from "./types.ts";

export class Damage {
  readonly #storage: LaneStorage;
  readonly #logger: Logger;
  readonly #hosts: ReadonlyMap<number, RaftHost>;
  readonly #listeners = new Set<() => void>();

  constructor(storage: LaneStorage, logger: Logger, hosts: ReadonlyMap<number, RaftHost>) {
    this.#storage = storage;
    this.#logger = logger;
    this.#hosts = hosts;
  }

  /** Those found at the start, and those that have stopped since. Ascending by group. */
  list(): readonly DamagedReplica[] {
    const found = new Map<number, DamagedReplica>();
    for (const { groupId, replicaId, reason } of this.#storage.damagedGroups()) {
      found.set(groupId, { groupId, replicaId, reason });
    }
    for (const { groupId, replicaId, quarantine, isDropped } of this.#hosts.values()) {
      if (quarantine === undefined || isDropped || found.has(groupId)) continue;
      found.set(groupId, { groupId, replicaId, reason: quarantine.message });
    }
    return [...found.values()].sort((a, b) => a.groupId - b.groupId);
  }

  /** A peer has proved that the log here lost what it had acknowledged (D2). */
  async distrust(groupId: number, reason: string): Promise<void> {
    try {
      await this.#storage.quarantine(groupId, reason);
    } catch (error) {
      // The replica has stopped in memory, and will be told the same after a restart.
      this.#logger.warn("a replica's quarantine is not on disk", {
        groupId,
        error: String(error),
      });
    }
    this.changed();
  }

  /** Calls `listener` when the list has changed. Returns the way to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
