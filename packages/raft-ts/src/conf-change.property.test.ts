/** Source: etcd-raft v3.7 confchange/quick_test (TestConfChangeQuick), restore_test (TestRestore). */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ConfChanger,
  isSameConfState,
  restoreConfig,
  type ConfChangeSingle,
  type ConfChangeType,
} from "./conf-change.ts";
import { configToString, ProgressTracker, confStateOf } from "./progress-tracker.ts";
import { progressMapToString } from "./progress.ts";
import type { ConfState } from "./types.ts";

const SEED = 20_260_821;
const RUNS = 1_000;
const TYPES: readonly ConfChangeType[] = [
  "ConfChangeAddNode",
  "ConfChangeRemoveNode",
  "ConfChangeUpdateNode",
  "ConfChangeAddLearnerNode",
];
const single = fc.record({
  type: fc.constantFrom(...TYPES),
  nodeId: fc.integer({ min: 2, max: 9 }),
});
const changes = fc.array(single, { minLength: 1, maxLength: 9 });

/** A group of voter 1 and whatever `setup` makes of it, one change at a time. */
function trackerAfter(setup: readonly ConfChangeSingle[]): ProgressTracker {
  const tracker = new ProgressTracker(10, 0);
  for (const change of [{ type: TYPES[0] ?? "ConfChangeAddNode", nodeId: 1 }, ...setup]) {
    Object.assign(tracker, new ConfChanger(tracker, 10).simple([change]));
  }
  return tracker;
}

function describeTracker(tracker: ProgressTracker): string {
  return `${configToString(tracker.config)}\n${progressMapToString(tracker.progress)}`;
}

function emptyTracker(): ProgressTracker {
  return new ProgressTracker(10, 0);
}

describe(`membership changes (seed ${SEED})`, () => {
  it("give the same configuration one by one and through a joint configuration", () => {
    let runs = 0;
    fc.assert(
      fc.property(changes, changes, (setup, wanted) => {
        runs += 1;
        const simple = describeTracker(trackerAfter([...setup, ...wanted]));
        // Whether the joint configuration ends by itself has no part in where it leads.
        for (const autoLeave of [false, true]) {
          const joint = trackerAfter(setup);
          Object.assign(joint, new ConfChanger(joint, 10).enterJoint(autoLeave, wanted));
          expect(joint.confState().autoLeave).toBe(autoLeave);
          Object.assign(joint, new ConfChanger(joint, 10).leaveJoint());
          expect(describeTracker(joint)).toBe(simple);
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(runs).toBe(RUNS);
  });

  it("are found again from the ConfState, in joint state and outside", () => {
    fc.assert(
      fc.property(changes, changes, fc.boolean(), (setup, wanted, autoLeave) => {
        const tracker = trackerAfter(setup);
        const plain = tracker.confState();
        Object.assign(tracker, new ConfChanger(tracker, 10).enterJoint(autoLeave, wanted));
        for (const confState of [plain, tracker.confState()]) {
          const restored = restoreConfig(emptyTracker(), 10, confState);
          const again: ConfState = confStateOf(restored.config);
          expect([again, isSameConfState(again, confState)]).toEqual([confState, true]);
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
