import type { Group } from "@millrace/replica";
import { describe, expect, it } from "vitest";

import type { DiskPromises } from "./disk-promises.ts";
import { DurableReplica } from "./disk-promises.ts";
import { LeaderRules } from "./leader-rules.ts";
import type { Message } from "./message-promises.ts";

/** Two nodes whose logs have entries of these terms. */
function watched(logs: readonly (readonly number[])[]) {
  const replicas = logs.map((terms, at) => {
    const replica = new DurableReplica(11 + at);
    const entries = terms.map((term, before) => {
      return { index: before + 1, term, type: "EntryNormal", data: new Uint8Array(1) } as const;
    });
    replica.take({ group: {} as never, entries });
    return replica;
  });
  const broken: string[] = [];
  const disks = { replica: (nodeId: number) => replicas[nodeId - 1] } as unknown as DiskPromises;
  const nodeIds = logs.map((_, at) => at + 1);
  let nowMs = 0;
  const rules = new LeaderRules({
    nowMs: () => nowMs,
    disks,
    nodeIds,
    broken: (said) => void broken.push(said),
  });
  return { rules, broken, pass: () => (nowMs += 10) };
}

const message = (said: Partial<Message>): Message => said as Message;

describe("the rules of leaders and logs", () => {
  it("let nobody lead in a term that is over (O20)", () => {
    const { rules, broken, pass } = watched([[1]]);
    rules.received(1, 7, message({ type: "MsgAppResp", term: 3, to: 11 }));
    rules.said(1, 7, message({ type: "MsgApp", term: 2 })); // on its way already
    pass();
    rules.said(1, 7, message({ type: "MsgApp", term: 3 }));
    expect(broken).toEqual([]);
    rules.said(1, 7, message({ type: "MsgApp", term: 2 }));
    expect(broken).toEqual(["O20: node 1 group 7 says MsgApp in term 2, after it was told of 3"]);
  });

  it("let a process that was started anew say what its disk knows", () => {
    const { rules, broken, pass } = watched([[1]]);
    rules.received(1, 7, message({ type: "MsgAppResp", term: 3, to: 11 }));
    pass();
    rules.opened(1);
    rules.said(1, 7, message({ type: "MsgApp", term: 2 }));
    expect(broken).toEqual([]);
  });

  it("let a leader commit what ends in its own term (O21)", () => {
    const group = { groupId: 7, role: "leader", term: 2, commitIndex: 0 };
    const { rules, broken } = watched([[1, 1, 2]]);
    rules.leads(group as Group, 2);
    rules.applied(1, { ...group, commitIndex: 3 } as Group);
    Object.assign(group, { commitIndex: 3 });
    rules.applied(1, group as Group);
    expect(broken).toEqual([]);
    Object.assign(group, { commitIndex: 2 });
    rules.applied(1, group as Group);
    expect(broken).toEqual([
      "O21: node 1 leads group 7 in term 2 and has committed 2, which is of term 1",
    ]);
  });

  it("let logs differ only behind what they have in common (O22)", () => {
    const fine = watched([
      [1, 1, 2],
      [1, 1, 3, 3],
    ]);
    fine.rules.compareLogs([7]);
    expect(fine.broken).toEqual([]);
    const wrong = watched([
      [1, 2, 3],
      [1, 1, 3, 3],
    ]);
    wrong.rules.compareLogs([7]);
    expect(wrong.broken).toEqual([
      "O22: nodes 1 and 2 differ at 2 of group 7, below an entry that they have in common",
    ]);
  });
});
