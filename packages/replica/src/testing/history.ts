/**
 * Watches a {@link LaneCluster} and says which safety rule was broken, as soon as it is.
 *
 *   S1  what was acknowledged is in every replica in the end
 *   S2  one value per index, equal on all replicas and over time
 *   S3  each replica applies in order, each index once
 *   S4  nothing appears that was definitely refused
 *   S6  at most one leader per term
 *   S7  a replica grants at most one vote per term, also across restarts
 *   S12 a read sees all that was acknowledged before it was asked
 */
import { ERROR_TRAITS, invariant, StreamError } from "@millrace/base";

import { readFrame } from "../frame-reader.ts";
import type { Group } from "../group.ts";
import type { AppliedEntry, GroupInit, RoleChange, StateMachine } from "../types.ts";
import type { LaneCluster } from "./lane-cluster.ts";
import { RecordingMachine } from "./recording-machine.ts";

export class History {
  readonly acknowledged = new Map<string, { readonly groupId: number; readonly index: number }>();
  readonly #refused = new Set<string>();
  readonly #valueAt = new Map<string, string>();
  readonly #leaderOf = new Map<string, number>();
  readonly #voteOf = new Map<string, number>();
  readonly #highestAcknowledged = new Map<number, number>();
  readonly machines = new Map<string, WatchedMachine>();
  /** The rules that were broken, in words. */
  readonly broken: string[] = [];
  #nextValue = 1;

  /** For `createStateMachine`. */
  readonly createStateMachine = (nodeId: number, group: Group, init: GroupInit): StateMachine => {
    const machine = new WatchedMachine(this, nodeId, init.groupId, group);
    this.machines.set(`${nodeId}/${init.groupId}`, machine);
    return machine;
  };

  watch(cluster: LaneCluster): void {
    cluster.network.observe = (_from, _to, _class, frame) => this.#watchVotes(frame);
  }

  /** Proposes a value that no other proposal has. */
  propose(group: Group, padding = 0): void {
    const value = `v${this.#nextValue++}${"-".repeat(padding)}`;
    const { groupId } = group;
    const at = group.propose(Buffer.from(value), undefined, (error) => {
      if (error === undefined) this.#acknowledge(groupId, value, at);
      else if (ERROR_TRAITS[error.code].definite) this.#refused.add(value);
    });
    if (at instanceof StreamError) this.#refused.add(value);
  }

  read(group: Group): void {
    const { groupId } = group;
    const before = this.#highestAcknowledged.get(groupId) ?? 0;
    group.readIndex((index) => {
      if (index instanceof StreamError || index >= before) return;
      this.broken.push(`S12: read of group ${groupId} at ${index}, but ${before} was acknowledged`);
    });
  }

  applied(nodeId: number, groupId: number, { index, term, data }: AppliedEntry): void {
    const key = `${groupId}@${index}`;
    const value = `${term}:${Buffer.from(data).toString("latin1")}`;
    const known = this.#valueAt.get(key);
    if (known !== undefined && known !== value) {
      this.broken.push(`S2: ${key} is ${value} on node ${nodeId}, was ${known}`);
    }
    this.#valueAt.set(key, value);
    if (this.#refused.has(value.slice(value.indexOf(":") + 1))) {
      this.broken.push(`S4: ${value} was refused, but is at ${key}`);
    }
  }

  leads(nodeId: number, groupId: number, term: number): void {
    const key = `${groupId}@${term}`;
    const known = this.#leaderOf.get(key) ?? nodeId;
    if (known !== nodeId) this.broken.push(`S6: nodes ${known} and ${nodeId} lead ${key}`);
    this.#leaderOf.set(key, nodeId);
  }

  /** After all faults ended and the replicas agree: is everything there (S1)? */
  checkEnd(): void {
    for (const [value, { groupId, index }] of this.acknowledged) {
      for (const machine of this.machines.values()) {
        if (machine.groupId !== groupId) continue;
        const found = machine.entries.find((entry) => entry.text === value);
        if (found?.index === index) continue;
        this.broken.push(
          `S1: ${value} was acknowledged at ${groupId}@${index}, ` +
            `node ${machine.nodeId} has it at ${found?.index ?? "none"}`,
        );
      }
    }
  }

  #acknowledge(groupId: number, value: string, at: { index: number } | StreamError): void {
    invariant(!(at instanceof StreamError), `refused and acknowledged: ${value}`);
    this.acknowledged.set(value, { groupId, index: at.index });
    const highest = Math.max(this.#highestAcknowledged.get(groupId) ?? 0, at.index);
    this.#highestAcknowledged.set(groupId, highest);
  }

  #watchVotes(frame: Uint8Array): void {
    readFrame(frame, {
      origin: () => true,
      liveness: () => {},
      sleep: () => {},
      snapshotPart: () => {},
      shipRequest: () => {},
      shipReply: () => {},
      message: (groupId, { type, reject, from, to, term }) => {
        if (type !== "MsgVoteResp" || reject) return;
        const key = `${groupId}/${from}@${term}`;
        const known = this.#voteOf.get(key) ?? to;
        if (known !== to) this.broken.push(`S7: ${key} voted for ${known} and for ${to}`);
        this.#voteOf.set(key, to);
      },
    });
  }
}

/** A recording machine that reports what it sees. */
export class WatchedMachine extends RecordingMachine {
  readonly nodeId: number;
  readonly groupId: number;
  readonly group: Group;
  readonly #history: History;

  constructor(history: History, nodeId: number, groupId: number, group: Group) {
    super();
    this.#history = history;
    this.nodeId = nodeId;
    this.groupId = groupId;
    this.group = group;
  }

  override apply(entries: readonly AppliedEntry[]): void {
    for (const entry of entries) {
      const last = Math.max(this.appliedIndex, this.entries.at(-1)?.index ?? 0);
      if (entry.index <= last) {
        this.#history.broken.push(
          `S3: node ${this.nodeId} applies ${this.groupId}@${entry.index} after ${last}`,
        );
      }
      this.#history.applied(this.nodeId, this.groupId, entry);
      super.apply([entry]);
    }
  }

  override roleChanged(change: RoleChange): void {
    super.roleChanged(change);
    if (change.role === "leader") this.#history.leads(this.nodeId, this.groupId, change.term);
  }
}
