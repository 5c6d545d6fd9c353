/**
 * What a follower does with a message of its own term.
 *
 * Source: etcd-raft v3.7 `stepFollower`.
 */
import { startElection } from "./campaign.ts";
import { RaftError } from "./errors.ts";
import { hex } from "./logger.ts";
import type { RaftState } from "./raft-state.ts";
import { handleReadIndexResponse } from "./read-index.ts";
import { handleAppend, handleHeartbeat } from "./replication.ts";
import { handleSnapshot } from "./snapshot.ts";
import type { Message } from "./types.ts";
import { NO_NODE } from "./types.ts";

/** Handles `m` in StateFollower. */
export function stepFollower(r: RaftState, m: Message): RaftError | undefined {
  switch (m.type) {
    case "MsgProp":
      return forwardProposal(r, m);
    case "MsgApp":
      hearLeader(r, m);
      handleAppend(r, m);
      break;
    case "MsgHeartbeat":
      hearLeader(r, m);
      handleHeartbeat(r, m);
      break;
    case "MsgSnap":
      hearLeader(r, m);
      handleSnapshot(r, m);
      break;
    case "MsgTransferLeader":
      forward(r, m, "leader transfer msg");
      break;
    case "MsgReadIndex":
      forward(r, m, "index reading msg");
      break;
    case "MsgReadIndexResp":
      handleReadIndexResponse(r, m);
      break;
    case "MsgForgetLeader":
      forgetLeader(r);
      break;
    case "MsgTimeoutNow":
      r.logger?.info(
        `${hex(r.id)} [term ${r.term}] received MsgTimeoutNow from ${hex(m.from)} and starts an ` +
          "election to get leadership.",
      );
      // The leader itself has asked, so there is nobody whose lease a pre-vote would protect.
      startElection(r, "transfer");
      break;
    default:
  }
  return undefined;
}

function hearLeader(r: RaftState, m: Message): void {
  r.electionElapsed = 0;
  r.lead = m.from;
}

function forwardProposal(r: RaftState, m: Message): RaftError | undefined {
  if (r.lead === NO_NODE) {
    r.logger?.info(`${hex(r.id)} no leader at term ${r.term}; dropping proposal`);
    return new RaftError("proposal-dropped");
  }
  if (r.config.disableProposalForwarding) {
    r.logger?.info(
      `${hex(r.id)} not forwarding to leader ${hex(r.lead)} at term ${r.term}; dropping proposal`,
    );
    return new RaftError("proposal-dropped");
  }
  r.send({ ...m, to: r.lead });
  return undefined;
}

function forward(r: RaftState, m: Message, what: string): void {
  if (r.lead === NO_NODE) {
    r.logger?.info(`${hex(r.id)} no leader at term ${r.term}; dropping ${what}`);
    return;
  }
  // A term that the request brought belongs to its sender; it gets ours.
  r.send({ ...m, to: r.lead, term: 0 });
}

function forgetLeader(r: RaftState): void {
  if (r.readOnly.option === "lease-based") {
    // The leader's lease counts on our silence towards candidates.
    r.logger?.error("ignoring MsgForgetLeader due to ReadOnlyLeaseBased");
    return;
  }
  if (r.lead === NO_NODE) return;
  r.logger?.info(`${hex(r.id)} forgetting leader ${hex(r.lead)} at term ${r.term}`);
  r.lead = NO_NODE;
}
