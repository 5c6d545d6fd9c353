/** What a replica and its lane know of each other, and how the consensus core of a replica is set up. */
import type { StreamError } from "@millrace/base";
import type { Message, Storage } from "@millrace/raft-ts";
import { RaftNode } from "@millrace/raft-ts";
import type { GroupLog } from "@millrace/storage";

import type { LaneConfig } from "./config.ts";
import type { RaftHost } from "./raft-host.ts";
import type { FetchRequest } from "./raft-log-storage.ts";
import type { GroupKind, GroupMember, Role, RoleChange } from "./types.ts";

/** What a replica needs of its lane. */
export interface HostLane {
  readonly config: LaneConfig;
  readonly bootEpoch: number;
  monotonicMs(): number;
  /** Asks for a turn. */
  dirty(host: RaftHost): void;
  /** Starts the ticks of a sleeping group again. */
  wake(host: RaftHost): void;
  send(host: RaftHost, message: Message): void;
  /** The group has a commit index to write when something else is written. */
  commitIndexWaits(host: RaftHost): void;
  fetch(host: RaftHost, request: Parameters<FetchRequest>): void;
  roleChanged(host: RaftHost, before: Role, change: RoleChange): void;
  /** Another replica may speak for the group, or none of here any more. */
  membersChanged(host: RaftHost): void;
  quarantined(host: RaftHost, error: StreamError): void;
  /** A peer's word proves that the log here lost what it had acknowledged. The replica has stopped. */
  distrusted(host: RaftHost, reason: string): void;
  /** A number in 0..bound - 1. */
  random(bound: number): number;
}

export interface HostInit {
  readonly lane: HostLane;
  readonly log: GroupLog;
  readonly kind: GroupKind;
  readonly members: readonly GroupMember[];
}

/** The core of one replica. The options are the same on all nodes: they are part of the protocol. */
export function makeNode(lane: HostLane, id: number, storage: Storage, applied: number): RaftNode {
  const { config } = lane;
  return new RaftNode({
    id,
    storage,
    applied,
    electionTicks: config.electionTicks,
    heartbeatTicks: config.heartbeatTicks,
    maxSizePerMsg: config.appendBytesMax,
    maxCommittedSizePerReady: config.applyBytesMax,
    maxUncommittedEntriesSize: config.uncommittedBytesMax,
    maxInflightMsgs: config.inflightAppendsMax,
    maxInflightBytes: config.inflightBytesMax,
    asyncStorageWrites: true,
    checkQuorum: true,
    preVote: true,
    readOnlyOption: "safe",
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    random: (bound) => lane.random(bound),
  });
}
