/**
 * Generated scenarios against etcd-raft v3.7, byte for byte.
 *
 * Seeds are fixed, so that a run can be repeated: RAFT_DIFFERENTIAL_SEED is the first one and
 * RAFT_DIFFERENTIAL_COUNT how many follow. Without Go or its module the tests say so and are
 * skipped; the scenario files in testdata/etcd still hold what etcd printed.
 */
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import {
  deviationOf,
  differenceText,
  Oracle,
  shrinkDifference,
  type Difference,
} from "./scenario-differential.ts";
import { ETCD_FOLDER, OWN_FOLDER, scenarioFiles } from "./scenario-files.ts";
import { generateScenario } from "./scenario-generator.ts";

const FIRST_SEED = Number(process.env["RAFT_DIFFERENTIAL_SEED"] ?? 1);
const COUNT = Number(process.env["RAFT_DIFFERENTIAL_COUNT"] ?? 2_000);
const BATCH = 250;

const oracle = Oracle.build();
if (typeof oracle === "string") console.log(`differential test skipped: ${oracle}`);

afterAll(() => {
  if (typeof oracle !== "string") oracle.remove();
});

describe.skipIf(typeof oracle === "string")("the scenario files in testdata/etcd", () => {
  it("say what etcd prints, in every byte", () => {
    if (typeof oracle === "string") return;
    expect(oracle.disagreeing(scenarioFiles(ETCD_FOLDER))).toEqual([]);
    const own = oracle.disagreeing(scenarioFiles(OWN_FOLDER));
    expect(own.length).toBe(scenarioFiles(OWN_FOLDER).length); // so that the check can fail
  });
});

describe.skipIf(typeof oracle === "string")(
  `${COUNT} generated scenarios from seed ${FIRST_SEED}`,
  () => {
    it("have the same answer from etcd and from us in every byte", () => {
      if (typeof oracle === "string") return;
      let cases = 0;
      let panics = 0;
      const deviations: string[] = [];
      const found: Difference[] = [];
      const unshared: string[] = [];
      for (let from = 0; from < COUNT; from += BATCH) {
        const count = Math.min(BATCH, COUNT - from);
        const scenarios = Array.from({ length: count }, (_, i) =>
          generateScenario(FIRST_SEED + from + i),
        );
        const result = oracle.compare(scenarios);
        cases += result.cases;
        panics += result.panics;
        unshared.push(...result.unshared);
        for (const difference of result.differences) {
          const deviation = deviationOf(difference);
          if (deviation === undefined) found.push(difference);
          else deviations.push(`${difference.scenario.name}: ${deviation}`);
        }
      }
      console.log(
        `differential: seeds ${FIRST_SEED}..${FIRST_SEED + COUNT - 1}, cases ${cases}, ` +
          `ended by a panic of etcd ${panics}, deviations ${deviations.length}, ` +
          `differences ${found.length}`,
      );
      const shown = found.slice(0, 3).map((one) => differenceText(shrinkDifference(oracle, one)));
      expect(shown).toEqual([]);
      expect(unshared).toEqual([]);
      expect(deviations.length).toBeLessThanOrEqual(COUNT / 100);
    });

    it("have another answer when ours is changed by a byte, so that the comparison can fail", () => {
      if (typeof oracle === "string") return;
      const scenario = generateScenario(FIRST_SEED + 2);
      const [ours] = oracle.compare([scenario]).differences;
      expect(ours).toBeUndefined();
      const changed = oracle.compare([scenario], (text) => text.replace("Term:1", "Term:2"));
      expect(changed.differences.map(({ scenario: { name } }) => name)).toEqual([scenario.name]);
    });
  },
);
