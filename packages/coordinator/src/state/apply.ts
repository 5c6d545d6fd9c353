/**
 * What a command does to the state: a pure, total function, so that every replica gets the same.
 *
 * A command was decided against the state of its proposer; entries committed before it may have
 * changed that state. So every condition is judged again here, and a command that no longer fits
 * changes nothing and says why.
 */
import { assertNever } from "@millrace/base";
import type { MetadataChange } from "@millrace/model";

import {
  advanceTrimClock,
  createAccessKey,
  formCluster,
  registerNode,
  setNodeState,
  updateLimits,
} from "./apply-cluster.ts";
import { cancelMove, dropRetired, reportMembers, setNodeGoal, startMove } from "./apply-members.ts";
import {
  preferLeaders,
  recordMetadataGroup,
  setNodeSilence,
  setRebalancing,
  updatePlacementPolicy,
} from "./apply-policy.ts";
import { dropTombstones, reportReplicas } from "./apply-replicas.ts";
import {
  cancelReshard,
  removeShards,
  reportSeal,
  sealParents,
  startReshard,
} from "./apply-reshard.ts";
import {
  activateStream,
  createStream,
  deleteStream,
  removeStream,
  updateRetention,
  updateTags,
} from "./apply-stream.ts";
import type { Command } from "./command.ts";
import type { Auxiliary, CommittedState } from "./draft.ts";
import { Draft } from "./draft.ts";
import type { Outcome } from "./outcome.ts";

export interface Applied {
  readonly changes: readonly MetadataChange[];
  readonly auxiliary: Auxiliary;
  readonly outcome: Outcome;
}

/** Does not touch `committed`. */
export function applyCommand(committed: CommittedState, command: Command): Applied {
  const draft = new Draft(committed);
  const outcome = applyTo(draft, command);
  if (outcome !== undefined) return { changes: [], auxiliary: committed.auxiliary, outcome };
  return { changes: draft.changes, auxiliary: draft.auxiliary, outcome };
}

function applyTo(draft: Draft, command: Command): Outcome {
  switch (command.kind) {
    case "form-cluster":
      return formCluster(draft, command);
    case "register-node":
      return registerNode(draft, command);
    case "set-node-state":
      return setNodeState(draft, command);
    case "create-stream":
      return createStream(draft, command);
    case "activate-stream":
      return activateStream(draft, command);
    case "delete-stream":
      return deleteStream(draft, command);
    case "remove-stream":
      return removeStream(draft, command);
    case "update-retention":
      return updateRetention(draft, command);
    case "update-tags":
      return updateTags(draft, command);
    case "report-replicas":
      return reportReplicas(draft, command);
    case "create-access-key":
      return createAccessKey(draft, command);
    case "update-limits":
      return updateLimits(draft, command);
    case "advance-trim-clock":
      return advanceTrimClock(draft, command);
    case "drop-tombstones":
      return dropTombstones(draft, command);
    case "start-move":
      return startMove(draft, command);
    case "cancel-move":
      return cancelMove(draft, command);
    case "report-members":
      return reportMembers(draft, command);
    case "drop-retired":
      return dropRetired(draft, command);
    case "set-node-goal":
      return setNodeGoal(draft, command);
    case "set-node-silence":
      return setNodeSilence(draft, command);
    case "update-placement-policy":
      return updatePlacementPolicy(draft, command);
    case "set-rebalancing":
      return setRebalancing(draft, command);
    case "record-metadata-group":
      return recordMetadataGroup(draft, command);
    case "prefer-leaders":
      return preferLeaders(draft, command);
    case "start-reshard":
      return startReshard(draft, command);
    case "seal-parents":
      return sealParents(draft, command);
    case "report-seal":
      return reportSeal(draft, command);
    case "cancel-reshard":
      return cancelReshard(draft, command);
    case "remove-shards":
      return removeShards(draft, command);
    default:
      return assertNever(command);
  }
}
