import { StreamError } from "@millrace/base";
import type { Group, Lane } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import { SimRandom } from "../kernel/sim-random.ts";
import type { Message } from "./message-promises.ts";
import { ReadWatch } from "./read-watch.ts";

/** A group whose reads all end in `answer`. */
function groupOf(answer: number | StreamError) {
  let asked = 0;
  const group = {
    groupId: 7,
    role: "leader",
    term: 2,
    replicaId: 11,
    membership: { voters: [11, 12, 13], isJoint: false },
    readIndex: (done: (answer: number | StreamError) => void) => {
      asked += 1;
      done(answer);
    },
  } as unknown as Group;
  return { group, asked: () => asked };
}

/** @param confirmedMs When another voter answered a heartbeat; the reads are asked at 10. */
function watched(answers: readonly (number | StreamError)[], confirmedMs = 10) {
  const broken: string[] = [];
  let nowMs = confirmedMs;
  const watch = new ReadWatch(
    new SimRandom(1n, "reads"),
    () => 5,
    (said) => void broken.push(said),
    () => nowMs,
  );
  const groups = answers.map(groupOf);
  for (const [at, { group }] of groups.entries()) watch.watch(at + 1, group);
  const lanes = groups.map(({ group }) => ({ groups: () => [group] }) as unknown as Lane);
  watch.said(7, { type: "MsgHeartbeatResp", term: 2, from: 12 } as Message);
  nowMs = 10;
  watch.ask(lanes);
  return { broken, asked: groups.map(({ asked }) => asked() > 0) };
}

describe("reads of a group (O13, O31)", () => {
  it("are asked of each node that takes itself for the leader", () => {
    const unavailable = new StreamError("unavailable", "deposed");
    expect(watched([5, unavailable])).toEqual({ broken: [], asked: [true, true] });
  });

  it("are wrong below what was applied when they were asked", () => {
    const { broken } = watched([5, 4]);
    expect(broken).toEqual(["O13: node 2 read group 7 at 4 after 5 was applied"]);
  });

  it("are wrong when nobody has confirmed since that the leader leads (O31)", () => {
    const unavailable = new StreamError("unavailable", "deposed");
    expect(watched([5, unavailable], 9).broken).toEqual([
      "O31: node 1 answers a read of group 7 in term 2, which 1 of 3 voters have confirmed",
    ]);
  });
});
