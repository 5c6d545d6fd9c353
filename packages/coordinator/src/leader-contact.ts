/**
 * Whether the leader of the metadata group answers this node.
 *
 * A replica may believe in its leader for ever and hear nothing more of its group: when the group
 * sleeps, the liveness of the leader's node stands for the leader's word, and a replica that was taken out of the
 * group while its messages were lost is a member of nothing that the leader would wake. What it tells its
 * readers stands still then. Asking up to where the log is committed shows it: a replica that is not
 * a member any more never gets there.
 *
 * One question in `ASK_MS`, while somebody reads, is all that it costs: groups of shards need none, since
 * metadata says which replicas they have.
 */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";

import type { MetadataGroup } from "./group-port.ts";

/** Between two questions. */
export const ASK_MS = 5_000;
/** Without an answer for so long the leader is as good as none: a question, its wait, and a margin. */
export const CONTACT_MS_MAX = 8_000;

/**
 * Whether the leader answers, to be called again and again while that matters, more often than every
 * `ASK_MS`. A node without a replica has nothing to tell that could grow old.
 */
export function leaderContact(clock: Clock, group: () => MetadataGroup | undefined): () => boolean {
  const contact = new LeaderContact(clock, group);
  return () => contact.holds();
}

class LeaderContact {
  readonly #clock: Clock;
  readonly #group: () => MetadataGroup | undefined;
  /** When `holds` was called last. */
  #lookedMs = -Infinity;
  #askedMs = -Infinity;
  #answeredMs = -Infinity;

  constructor(clock: Clock, group: () => MetadataGroup | undefined) {
    this.#clock = clock;
    this.#group = group;
  }

  holds(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const group = this.#group();
    // Nobody has asked for a while, so no answer was to be had.
    if (nowMs - this.#lookedMs > ASK_MS) this.#answeredMs = nowMs;
    this.#lookedMs = nowMs;
    if (group === undefined || group.isReadyLeader) {
      this.#answeredMs = nowMs;
      return true;
    }
    if (group.leaderNodeId === undefined) return false;
    if (nowMs - Math.max(this.#askedMs, this.#answeredMs) >= ASK_MS) this.#ask(group, nowMs);
    return nowMs - this.#answeredMs < CONTACT_MS_MAX;
  }

  #ask(group: MetadataGroup, nowMs: number): void {
    this.#askedMs = nowMs;
    group.readIndex((answer) => {
      if (!(answer instanceof StreamError)) this.#answeredMs = this.#clock.monotonicMs();
    });
  }
}
