/** Source: etcd-raft tracker/progress_test. */
import { describe, expect, it } from "vitest";
import { Inflights } from "./inflights.ts";
import { Progress, type ProgressState } from "./progress.ts";

function progress(match: number, next: number, state: ProgressState = "StateProbe"): Progress {
  const one = new Progress(match, next, false, new Inflights(256, 0));
  one.state = state;
  one.recentActive = true;
  return one;
}

describe("the progress of a follower", () => {
  it("prints its fields in the order of the format (TestProgressString)", () => {
    const one = new Progress(3, 4, true, new Inflights(1, 0));
    one.inflights.add(123, 1);
    one.state = "StateSnapshot";
    one.pendingSnapshot = 123;
    expect(one.toString()).toBe(
      "StateSnapshot match=3 next=4 learner paused pendingSnap=123 inactive inflight=1[full]",
    );
  });

  it.each<[ProgressState, boolean, boolean]>([
    ["StateProbe", false, false],
    ["StateProbe", true, true],
    ["StateReplicate", false, false],
    ["StateReplicate", true, true],
    ["StateSnapshot", false, true],
    ["StateSnapshot", true, true],
  ])("in %s with flow paused=%s is paused=%s (TestProgressIsPaused)", (state, flow, paused) => {
    const one = progress(1, 2, state);
    one.msgAppFlowPaused = flow;
    expect(one.isPaused()).toBe(paused);
  });

  it("resumes on an update or a decrease (TestProgressResume)", () => {
    const one = progress(0, 2);
    one.msgAppFlowPaused = true;
    one.maybeDecrease(1, 1);
    expect(one.msgAppFlowPaused).toBe(false);
    one.msgAppFlowPaused = true;
    one.maybeUpdate(2);
    expect(one.msgAppFlowPaused).toBe(false);
  });

  it.each([
    { from: "StateReplicate" as const, pending: 0, next: 2 },
    { from: "StateSnapshot" as const, pending: 10, next: 11 },
    { from: "StateSnapshot" as const, pending: 0, next: 2 },
  ])("probes after $from with snapshot $pending from $next (TestProgressBecomeProbe)", (row) => {
    const one = progress(1, 5, row.from);
    one.pendingSnapshot = row.pending;
    one.becomeProbe();
    expect([one.state, one.matchIndex, one.nextIndex, one.pendingSnapshot]).toEqual([
      "StateProbe",
      1,
      row.next,
      0,
    ]);
  });

  it("replicates from the entry after the match (TestProgressBecomeReplicate)", () => {
    const one = progress(1, 5);
    one.becomeReplicate();
    expect([one.state, one.matchIndex, one.nextIndex]).toEqual(["StateReplicate", 1, 2]);
  });

  it("continues after the snapshot that is on its way (TestProgressBecomeSnapshot)", () => {
    const one = progress(1, 5);
    one.becomeSnapshot(10);
    expect([one.state, one.matchIndex, one.nextIndex, one.pendingSnapshot]).toEqual([
      "StateSnapshot",
      1,
      11,
      10,
    ]);
  });

  it.each([
    [2, 3, 5, false],
    [3, 3, 5, false],
    [4, 4, 5, true],
    [6, 6, 7, true],
  ])("acknowledged up to %i has match %i and next %i (TestProgressUpdate)", (to, m, n, isNews) => {
    const one = progress(3, 5);
    expect([one.maybeUpdate(to), one.matchIndex, one.nextIndex]).toEqual([isNews, m, n]);
  });

  it.each<[ProgressState, number, number, number, number, boolean, number]>([
    ["StateReplicate", 5, 10, 5, 5, false, 10],
    ["StateReplicate", 5, 10, 4, 4, false, 10],
    ["StateReplicate", 5, 10, 9, 9, true, 6],
    ["StateProbe", 0, 0, 0, 0, false, 0],
    ["StateProbe", 0, 10, 5, 5, false, 10],
    ["StateProbe", 0, 10, 9, 9, true, 9],
    ["StateProbe", 0, 2, 1, 1, true, 1],
    ["StateProbe", 0, 10, 9, 2, true, 3],
    ["StateProbe", 0, 10, 9, 0, true, 1],
  ])(
    "in %s match=%i next=%i, rejected at %i with hint %i: %s, next %i (TestProgressMaybeDecr)",
    (state, match, next, rejected, hint, changed, expected) => {
      const one = progress(match, next, state);
      expect([one.maybeDecrease(rejected, hint), one.matchIndex, one.nextIndex]).toEqual([
        changed,
        match,
        expected,
      ]);
    },
  );

  it("is told of a commit only while that can raise what it knows", () => {
    const one = progress(5, 8, "StateReplicate");
    one.sentCommit = 6;
    expect([one.canBumpCommit(6), one.canBumpCommit(7), one.canBumpCommit(9)]).toEqual([
      false,
      true,
      true,
    ]);
    one.sentCommit = 7; // all that it has is known to be committed
    expect(one.canBumpCommit(9)).toBe(false);
  });

  it("refuses to send an append while a snapshot is on its way", () => {
    expect(() => progress(1, 5, "StateSnapshot").noteAppendSent(1, 1)).toThrow(
      "sending append in unhandled state StateSnapshot",
    );
  });
});
