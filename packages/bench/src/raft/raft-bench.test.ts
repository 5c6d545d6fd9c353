import { describe, expect, it } from "vitest";

import { MemoryGroup } from "./memory-group.ts";
import { runRaftBench } from "./raft-bench.ts";
import { raftTable } from "./raft-report.ts";

describe("the benchmark of the consensus core", () => {
  it("answers each question with a number, and throws if an entry is lost", () => {
    const result = runRaftBench({ seconds: 0.02, rounds: 1, groups: 40, progress: () => {} });
    expect(result.throughput.map((one) => one.entriesPerSecond > 0)).toEqual([true]);
    expect(result.idle.map((one) => [one.groups, one.messagesPerRound])).toEqual([[40, 160]]);
    expect(result.memory.replicas).toBe(120);
    expect(raftTable(result)).not.toMatch(/NaN|undefined|∞/);
  });

  it("delivers each entry to every member once", () => {
    const group = new MemoryGroup({ random: () => 0, electionTicks: 10 });
    const leader = group.elect();
    leader.proposeBatch([Uint8Array.of(1), Uint8Array.of(2)]);
    group.settle();
    // The empty entry of the new leader is the third.
    expect(group.members.map((one) => one.appliedEntries)).toEqual([3, 3, 3]);
    expect(group.members.map((one) => one.node.commitIndex)).toEqual([3, 3, 3]);
  });
});
