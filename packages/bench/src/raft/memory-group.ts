/**
 * One Raft group in one process: nodes, storages in memory, and messages that arrive at once.
 *
 * It is the least host that keeps the host's duties (raft-ts/SPEC.md, H1 to H3), so what is
 * measured around it is the consensus core and not a transport or a disk. A message is handed over
 * as it is: encoding belongs to the transport.
 */
import type { Message } from "@millrace/raft-ts";
import {
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MemoryStorage,
  RaftNode,
} from "@millrace/raft-ts";

const NODES = 3;

/** Entries kept behind the applied index; more than any follower can lag here. */
const KEPT_ENTRIES = 4096;

/** The log is cut when it has grown by so many entries: cutting copies what is kept. */
const COMPACT_EVERY = 65_536;

/** Deliveries that one `settle` may take; a group that needs more is not coming to rest. */
const DELIVERIES_MAX = 1_000_000;

export interface GroupOptions {
  /** A number in 0..bound - 1. */
  readonly random: (bound: number) => number;
  readonly electionTicks: number;
}

/** A member with its storage and what it has applied. */
export interface Member {
  readonly storage: MemoryStorage;
  readonly node: RaftNode;
  appliedEntries: number;
  compactedAt: number;
}

/** Three members, numbered 1..3. */
export class MemoryGroup {
  readonly members: readonly Member[];
  /** Messages between nodes so far. */
  messages = 0;
  #inbox: Message[] = [];

  constructor({ random, electionTicks }: GroupOptions) {
    const voters = Array.from({ length: NODES }, (_, i) => i + 1);
    const confState = {
      voters,
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    this.members = voters.map((id) => {
      const storage = new MemoryStorage(confState);
      const node = new RaftNode({ id, storage, random, electionTicks });
      return { storage, node, appliedEntries: 0, compactedAt: 0 };
    });
  }

  /** Makes member 1 the leader of a group in which nothing happens. */
  elect(): RaftNode {
    const first = this.members[0];
    if (first === undefined) throw new Error("the group has no members");
    first.node.campaign();
    this.settle();
    if (!first.node.isLeader) throw new Error(`member 1 is ${first.node.state}`);
    return first.node;
  }

  tick(): void {
    for (const { node } of this.members) node.tick();
  }

  /** Does all work there is: storage work at once, messages in the order in which they were sent. */
  settle(): void {
    for (const member of this.members) this.#run(member);
    let delivered = 0;
    const inbox = this.#inbox;
    for (; delivered < inbox.length; delivered += 1) {
      if (delivered === DELIVERIES_MAX) throw new Error("the group does not come to rest");
      const message = inbox[delivered];
      const member = this.members[(message?.to ?? 0) - 1];
      if (message === undefined || member === undefined) throw new Error("message to nobody");
      member.node.step(message);
      this.#run(member);
    }
    this.messages += delivered;
    // Popped and not emptied: an array that is set to length 0 gives its memory back, and every
    // round of every group would pay for it again.
    while (inbox.length > 0) inbox.pop();
  }

  #run(member: Member): void {
    while (member.node.hasReady()) {
      const { messages } = member.node.ready();
      for (let i = 0; i < messages.length; i += 1) {
        const message = messages[i];
        if (message !== undefined) this.#handle(member, message);
      }
    }
  }

  #handle(member: Member, message: Message): void {
    if (message.to === LOCAL_APPEND_THREAD) {
      member.storage.append(message.entries);
      if (message.term > 0) {
        const { term, vote, commit } = message;
        member.storage.setHardState({ term, vote, commit });
      }
    } else if (message.to === LOCAL_APPLY_THREAD) {
      member.appliedEntries += message.entries.length;
    } else {
      this.#inbox.push(message);
      return;
    }
    for (const response of message.responses) {
      if (response.to === member.node.id) member.node.step(response);
      else this.#inbox.push(response);
    }
    if (message.to === LOCAL_APPLY_THREAD) compact(member);
  }
}

function compact(member: Member): void {
  if (member.appliedEntries - member.compactedAt < COMPACT_EVERY) return;
  member.compactedAt = member.appliedEntries;
  member.storage.compact(member.node.appliedIndex - KEPT_ENTRIES);
}
