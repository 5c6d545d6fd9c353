import type { GroupPlacement, ReplicaPlacement } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { nextMove } from "./move-step.ts";

const replica = (replicaId: number, state: ReplicaPlacement["state"] = "created") => {
  return { replicaId, nodeId: replicaId, incarnation: `inc${replicaId}`, state };
};
const FORMER = [1, 2, 3].map((id) => ({ replicaId: id, nodeId: id }));
const WANTED = [1, 2, 4].map((id) => ({ replicaId: id, nodeId: id }));

function placed(move: Partial<NonNullable<GroupPlacement["move"]>> = {}): GroupPlacement {
  return {
    groupId: 7,
    replicas: [replica(1), replica(2), replica(3)],
    move: { add: replica(4), removeReplicaId: 3, fromConfIndex: 10, cancelled: false, ...move },
  };
}

const at = (confIndex: number, voters = [1, 2, 3], learners: readonly number[] = []) => {
  return { confIndex, voters, learners, isJoint: false };
};

describe("what a leader makes of a move", () => {
  it("begins from the members from which the move was decided, once the new replica exists", () => {
    expect(nextMove(placed(), at(10))).toEqual({ members: WANTED, anew: false });
    expect(nextMove(placed({ add: replica(4, "creating") }), at(10))).toBeUndefined();
  });

  it("does not begin from other members: the order is older than they are (S8)", () => {
    expect(nextMove(placed(), at(13))).toBeUndefined();
  });

  it("goes on when the new replica is in the group, at whatever index", () => {
    expect(nextMove(placed(), at(12, [1, 2, 3], [4]))).toEqual({ members: WANTED, anew: false });
    expect(nextMove(placed(), { ...at(12, [1, 2, 4]), isJoint: true })?.members).toEqual(WANTED);
  });

  it("goes back when it is taken back, and voids the order where nothing had begun", () => {
    const cancelled = placed({ cancelled: true });
    expect(nextMove(cancelled, at(12, [1, 2, 3], [4]))).toEqual({ members: FORMER, anew: false });
    expect(nextMove(cancelled, at(10))).toEqual({ members: FORMER, anew: true });
    expect(nextMove(cancelled, at(13))).toBeUndefined(); // done
  });

  it("ends as ordered when it is taken back too late", () => {
    const late = nextMove(placed({ cancelled: true }), { ...at(14, [1, 2, 4]), isJoint: true });
    expect(late).toEqual({ members: WANTED, anew: false });
  });

  it("has nothing to do without a move", () => {
    expect(nextMove({ groupId: 7, replicas: [replica(1)] }, at(10))).toBeUndefined();
  });
});
