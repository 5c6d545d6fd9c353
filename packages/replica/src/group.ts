/**
 * One replica of one Raft group, as brokers and coordinators use it.
 *
 * Everything here is answered in the turn it is asked in; what takes a quorum is answered by a
 * callback, exactly once, because a promise per record would cost more than the record.
 */
import { StreamError } from "@millrace/base";
import { NO_NODE } from "@millrace/raft-ts";
import type { GroupLog } from "@millrace/storage";

import { encodeChangeContext } from "./membership.ts";
import { nextMembershipStep } from "./membership-step.ts";
import type { RaftHost } from "./raft-host.ts";
import type {
  GroupKind,
  GroupMember,
  GroupMembership,
  ProposalDone,
  ProposedAt,
  ReadDone,
  Role,
} from "./types.ts";

/** Voters of a group: what placement hands out at most. */
const VOTERS_MAX = 7;
/** A learner that lacks no more entries than this becomes a voter: the rest is there in a round trip. */
const CAUGHT_UP_ENTRIES_MAX = 128;

/** Removes nobody: the core passes over replica 0. */
const SAME_MEMBERS = {
  kind: "change",
  changes: [{ type: "ConfChangeUpdateNode", nodeId: 0 }],
} as const;

/** How far the members of a group are from those that were asked for. */
export type MoveState =
  | { readonly kind: "there" }
  /** A step was taken, or the former one is not over. */
  | { readonly kind: "moving"; readonly what: string }
  | { readonly kind: "refused"; readonly error: StreamError };

/** What a group asks of its lane. */
export interface GroupLane {
  /** Why nothing can be proposed now, for reasons that all groups share. */
  refusal(bytes: number): StreamError | undefined;
  proposalBytesMax: number;
  proposalsWaitingMax: number;
  readTimeoutMs: number;
  monotonicMs(): number;
  dirty(host: RaftHost): void;
  wake(host: RaftHost): void;
  proposed(bytes: number): void;
  settled(bytes: number): void;
}

export class Group {
  readonly #host: RaftHost;
  readonly #lane: GroupLane;

  /** Made by the lane. */
  constructor(host: RaftHost, lane: GroupLane) {
    this.#host = host;
    this.#lane = lane;
  }

  get groupId(): number {
    return this.#host.groupId;
  }

  get replicaId(): number {
    return this.#host.replicaId;
  }

  get kind(): GroupKind {
    return this.#host.kind;
  }

  get members(): readonly GroupMember[] {
    return this.#host.members;
  }

  /** As this replica has applied it. */
  get membership(): GroupMembership {
    return this.#host.membershipNow;
  }

  /** The log on this node, for reads of committed entries: at most up to `appliedIndex`. */
  get log(): GroupLog {
    return this.#host.readLog;
  }

  get role(): Role {
    return this.#host.role.role;
  }

  get term(): number {
    return this.#host.node.term;
  }

  get leaderNodeId(): number | undefined {
    return this.#host.leaderNodeId;
  }

  /** Leads and has applied an entry of its own term: it may answer and propose. */
  get isReadyLeader(): boolean {
    return !this.#host.isStopped && this.#host.isReadyLeader;
  }

  get commitIndex(): number {
    return this.#host.node.commitIndex;
  }

  get appliedIndex(): number {
    return this.#host.appliedIndex;
  }

  get lastIndex(): number {
    return this.#host.node.lastIndex;
  }

  get asleep(): boolean {
    return this.#host.asleep;
  }

  /** Why this replica has stopped for good; undefined while it works. */
  get failed(): StreamError | undefined {
    return this.#host.quarantine;
  }

  /**
   * Appends `data` to the leader's log at once, or says why not: `not-leader` (with
   * `hint.leaderNodeId`), `unavailable`, `overloaded`, `invalid-argument`, `corrupt`. After an
   * error nothing was appended and `done` is not called.
   *
   * @param data 1 byte to `proposalBytesMax`, not changed afterwards.
   * @param expectedTerm refuses with `not-leader` unless this node leads in that term.
   * @param done called exactly once, never from within this call: undefined when the entry is
   * committed and applied here; `indeterminate` after a change of leadership, or when the lane stops:
   * the entry may or may not be committed then. Must not throw.
   */
  propose(
    data: Uint8Array,
    expectedTerm: number | undefined,
    done: ProposalDone,
  ): ProposedAt | StreamError {
    const refused = this.#refusal(data, expectedTerm);
    if (refused !== undefined) return refused;
    const host = this.#host;
    const { node } = host;
    let dropped: Error | undefined;
    host.act(() => (dropped = node.propose(data)));
    if (host.quarantine !== undefined) return host.quarantine;
    if (dropped !== undefined) return this.#droppedError();
    const at = { index: node.lastIndex, term: node.term };
    host.lastActivityMs = this.#lane.monotonicMs();
    this.#lane.wake(host);
    this.#lane.proposed(data.length);
    host.proposals.add(at.index, at.term, data.length, (error) => {
      this.#lane.settled(data.length);
      done(error);
    });
    return at;
  }

  /**
   * Finds an index that a linearizable read must have applied, and calls `done` with the applied
   * index once it has. All that ask in one turn share one round. Followers ask the leader. Without
   * an answer within `readTimeoutMs` it is `unavailable`.
   */
  readIndex(done: ReadDone): void {
    const host = this.#host;
    if (host.quarantine !== undefined || host.isDropped) {
      done(host.quarantine ?? gone(host.groupId));
      return;
    }
    host.reads.add(done, this.#lane.monotonicMs() + this.#lane.readTimeoutMs);
    this.#lane.wake(host);
    this.#lane.dirty(host);
  }

  /** Asks the leader, wherever it is, to hand over to `toReplicaId`. May come to nothing. */
  transferLeadership(toReplicaId: number): void {
    this.#lane.wake(this.#host);
    this.#host.act((node) => node.transferLeader(toReplicaId));
  }

  /**
   * Takes the next step towards a group whose voters are exactly `wanted`, if the former one is over.
   * Called again and again, by whichever node leads, until it answers `there`; another list may be
   * given at any time, so a move that must not go on is ended by asking for the former members.
   *
   * New replicas join as learners, become voters when they have caught up, in one joint change with
   * the removal of old ones, and a leader that is not wanted hands over first (S8).
   * @param wanted 1..7 members; replicas that are new must exist on their nodes.
   * @param expectedTerm refuses with `not-leader` unless this node leads in that term.
   * @param anew writes an entry also when the members are there, so that `confIndex` grows: orders
   * that were given for the former index are void then. @default false
   */
  moveMembers(wanted: readonly GroupMember[], expectedTerm?: number, anew = false): MoveState {
    const host = this.#host;
    const refused = this.#refusal(undefined, expectedTerm) ?? checkWanted(host, wanted);
    if (refused !== undefined) return { kind: "refused", error: refused };
    const { progress, leadTransferee } = host.node.status();
    const last = host.node.lastIndex;
    const next = nextMembershipStep({
      self: host.replicaId,
      confState: host.membership.now.confState,
      isPending: host.pendingConfIndex > host.appliedIndex || leadTransferee !== NO_NODE,
      wanted: wanted.map(({ replicaId }) => replicaId),
      isCaughtUp: (replicaId) => {
        const one = progress.get(replicaId);
        return one?.recentActive === true && one.matchIndex + CAUGHT_UP_ENTRIES_MAX >= last;
      },
    });
    const step = next.kind === "there" && anew ? SAME_MEMBERS : next;
    if (step.kind === "there") return step;
    this.#lane.wake(host); // a learner catches up, and a change commits, only while the group is awake
    host.lastActivityMs = this.#lane.monotonicMs();
    if (step.kind === "wait") return { kind: "moving", what: step.why };
    if (step.kind === "transfer") {
      this.transferLeadership(step.to);
      return { kind: "moving", what: `leadership goes to replica ${step.to}` };
    }
    const context = encodeChangeContext(wanted);
    let dropped: Error | undefined;
    host.act((node) => {
      const { changes } = step;
      dropped = node.proposeConfChange({ transition: "auto", changes, context });
    });
    if (host.quarantine !== undefined) return { kind: "refused", error: host.quarantine };
    if (dropped !== undefined) return { kind: "refused", error: this.#droppedError() };
    host.pendingConfIndex = host.node.lastIndex;
    return { kind: "moving", what: `change at ${host.pendingConfIndex}` };
  }

  /** Entries of this leader's log that a replica is not known to have; undefined elsewhere, and of strangers. */
  entriesBehind(replicaId: number): number | undefined {
    const { isLeader, node } = this.#host;
    if (!isLeader) return undefined;
    const progress = node.status().progress.get(replicaId);
    return progress && node.lastIndex - progress.matchIndex;
  }

  /** Hands leadership to the follower with the longest log; nothing happens elsewhere. */
  stepDown(): void {
    const target = mostCaughtUp(this.#host);
    if (target !== undefined) this.transferLeadership(target);
  }

  /**
   * Drops log entries up to `throughIndex`; what has not been applied stays. Called by the
   * state machine, which must give the state there by `trimSnapshot`.
   */
  trim(throughIndex: number): void {
    this.#host.requestTrim(throughIndex);
  }

  /** Calls `listener` with the new applied index after every round. Returns the way to stop that. */
  onCommit(listener: (appliedIndex: number) => void): () => void {
    this.#host.commitListeners.add(listener);
    return () => this.#host.commitListeners.delete(listener);
  }

  /** @param data undefined for a change of members, which brings a few bytes of its own. */
  #refusal(
    data: Uint8Array | undefined,
    expectedTerm: number | undefined,
  ): StreamError | undefined {
    const host = this.#host;
    if (host.isStopped) return host.quarantine ?? gone(host.groupId);
    const max = this.#lane.proposalBytesMax;
    if (data !== undefined && (data.length < 1 || data.length > max)) {
      return new StreamError(
        "invalid-argument",
        `proposal has ${data.length} bytes, but must have 1..${max}`,
      );
    }
    if (!host.isLeader) return this.#notLeader(`leads not group ${host.groupId}`);
    if (expectedTerm !== undefined && expectedTerm !== host.node.term) {
      return this.#notLeader(`leads in term ${host.node.term}, not in ${expectedTerm}`);
    }
    if (!host.isReadyLeader) {
      return new StreamError("unavailable", `leader of group ${host.groupId} is not ready yet`);
    }
    if (host.proposals.count >= this.#lane.proposalsWaitingMax) {
      return new StreamError(
        "overloaded",
        `${host.proposals.count} proposals wait in group ${host.groupId}`,
      );
    }
    return this.#lane.refusal(data?.length ?? 0);
  }

  #notLeader(why: string): StreamError {
    const { leaderNodeId, term } = this.#host.role;
    const hint = { term, ...(leaderNodeId === undefined ? {} : { leaderNodeId }) };
    return new StreamError("not-leader", `this replica ${why}`, { hint });
  }

  #droppedError(): StreamError {
    const { leadTransferee, uncommittedSize } = this.#host.node.basicStatus();
    if (leadTransferee !== NO_NODE) {
      return new StreamError("unavailable", `leadership is going to replica ${leadTransferee}`);
    }
    return new StreamError(
      "overloaded",
      `group ${this.groupId} has ${uncommittedSize} bytes uncommitted`,
    );
  }
}

function checkWanted(host: RaftHost, wanted: readonly GroupMember[]): StreamError | undefined {
  if (wanted.length < 1 || wanted.length > VOTERS_MAX) {
    return new StreamError(
      "invalid-argument",
      `wanted has ${wanted.length} members, but must have 1..${VOTERS_MAX}`,
    );
  }
  const moved = wanted.find(({ replicaId, nodeId }) => {
    const known = host.nodeOf(replicaId);
    return known !== undefined && known !== nodeId;
  });
  if (moved === undefined) return undefined;
  return new StreamError(
    "invalid-argument",
    `replica ${moved.replicaId} is on node ${host.nodeOf(moved.replicaId)}, not on ${moved.nodeId}`,
  );
}

function gone(groupId: number): StreamError {
  return new StreamError("not-found", `group ${groupId} is no longer here`);
}

/** The other voter with the longest log; undefined unless this node leads and has followers. */
export function mostCaughtUp(
  host: RaftHost,
  isEligible: (nodeId: number) => boolean = () => true,
): number | undefined {
  if (!host.isLeader) return undefined;
  let best: { readonly id: number; readonly match: number } | undefined;
  for (const [id, progress] of host.node.status().progress) {
    if (id === host.replicaId || progress.isLearner || !progress.recentActive) continue;
    const nodeId = host.nodeOf(id);
    if (nodeId === undefined || !isEligible(nodeId)) continue;
    if (best === undefined || progress.matchIndex > best.match) {
      best = { id, match: progress.matchIndex };
    }
  }
  return best?.id;
}
