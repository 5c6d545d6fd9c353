/**
 * What a node says to its peers, held against what is durable on its disk at that moment.
 *
 * A promise that leaves before its bytes are synced does harm only if the node loses its power just
 * then, and if the promise decides something. Here it is noticed whenever it is made.
 *
 *   O8 (S7)  a vote leaves when it is durable
 *   O9 (S1)  an acknowledgement leaves when the entries up to its index are durable
 *   O10 (S7) what a leader sends, and what a candidate asks, leaves when its term is durable
 *   O17 (S6) a replica votes for one candidate in a term, over all its lives
 *   O18 (S6) it votes for none whose log lacks what its own has (thesis 3.6.1)
 *   O32 (S6) a heartbeat tells nobody to commit what is not durable there, as the leader has it
 */
import { readFrame } from "@millrace/replica/testing";

import type { DiskPromises, DurableReplica } from "./disk-promises.ts";

type FrameVisitor = Parameters<typeof readFrame>[1];
export type Message = Parameters<FrameVisitor["message"]>[1];

const OF_LEADERS: ReadonlySet<string> = new Set(["MsgApp", "MsgHeartbeat", "MsgSnap", "MsgVote"]);

interface LogEnd {
  readonly logTerm: number;
  readonly index: number;
}

export class MessagePromises {
  readonly #disks: DiskPromises;
  readonly #broken: (sentence: string) => void;
  /** By group, term and voter: for whom. */
  readonly #votes = new Map<string, number>();
  /** By group, term and candidate: what it says of its log. */
  readonly #candidates = new Map<string, LogEnd>();

  constructor(disks: DiskPromises, broken: (sentence: string) => void) {
    this.#disks = disks;
    this.#broken = broken;
  }

  /** One message of a frame. */
  said(nodeId: number, groupId: number, message: Message): void {
    this.#checkVote(nodeId, groupId, message);
    const replica = this.#disks.replica(nodeId, groupId);
    if (replica === undefined || replica.replicaId !== message.from) return;
    // What was promised in an older term may have been given up since, and nobody counts it any more.
    if (replica.term > message.term) return;
    const { type, term, to, index, reject } = message;
    if (type === "MsgHeartbeat") this.#checkHeartbeat(groupId, replica, message);
    const isTermDurable = replica.term === term;
    const says = `node ${nodeId} group ${groupId} says ${type} in term ${term}`;
    const durable = `term ${replica.term}, vote ${replica.vote}, last ${replica.last} are durable`;
    if (type === "MsgVoteResp" && !reject && !(isTermDurable && replica.vote === to)) {
      this.#broken(`O8: ${says} to ${to}, but ${durable}`);
    }
    if (type === "MsgAppResp" && !reject && !(isTermDurable && index <= replica.last)) {
      this.#broken(`O9: ${says} for ${index}, but ${durable}`);
    }
    if (OF_LEADERS.has(type) && !isTermDurable) this.#broken(`O10: ${says}, but ${durable}`);
  }

  #checkHeartbeat(groupId: number, sender: DurableReplica, { to, term, commit }: Message): void {
    const receiver = this.#disks.replicaById(groupId, to);
    const termOfEntry = sender.termOf(commit);
    if (receiver === undefined || termOfEntry === undefined) return;
    if (receiver.holds(commit, termOfEntry)) return;
    this.#broken(
      `O32: replica ${to} of group ${groupId} is told in term ${term} to commit ${commit}, ` +
        `which it does not hold: ${receiver.last} is its last`,
    );
  }

  #checkVote(nodeId: number, groupId: number, message: Message): void {
    const { type, term, to, from, reject, logTerm, index } = message;
    if (type === "MsgVote") this.#candidates.set(`${groupId}/${term}/${from}`, { logTerm, index });
    if (type !== "MsgVoteResp" || reject) return;
    const says = `node ${nodeId} group ${groupId} votes for ${to} in term ${term}`;
    const key = `${groupId}/${term}/${from}`;
    const before = this.#votes.get(key) ?? to;
    this.#votes.set(key, to);
    if (before !== to) this.#broken(`O17: ${says}, after it has voted for ${before}`);
    const asked = this.#candidates.get(`${groupId}/${term}/${to}`);
    const own = this.#disks.replica(nodeId, groupId)?.end;
    // Entries of this term have come since: others have elected somebody.
    if (asked === undefined || own === undefined || own.term >= term) return;
    const isBehind =
      asked.logTerm < own.term || (asked.logTerm === own.term && asked.index < own.index);
    if (!isBehind) return;
    this.#broken(
      `O18: ${says}, whose log ends at ${asked.index} of term ${asked.logTerm}, ` +
        `its own at ${own.index} of term ${own.term}`,
    );
  }
}

/** Hands each message of a frame to `visit`. */
export function eachMessage(
  frame: Uint8Array,
  visit: (groupId: number, message: Message) => void,
): void {
  readFrame(frame, {
    origin: () => true,
    liveness: () => {},
    message: (groupId, message) => visit(groupId, message),
    sleep: () => {},
    snapshotPart: () => {},
    shipRequest: () => {},
    shipReply: () => {},
  });
}
