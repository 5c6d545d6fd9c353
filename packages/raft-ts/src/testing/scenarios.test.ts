/**
 * Every scenario file, byte for byte: this package's own, and the reference's where they are.
 */
import { describe, expect, it } from "vitest";
import { OWN_FOLDER, referenceFolder, runScenarioFile, scenarioFiles } from "./scenario-files.ts";

const reference = referenceFolder();
if (reference === undefined) console.log("reference scenarios: folder absent, skipped");

describe("the scenario files of this package", () => {
  const files = scenarioFiles(OWN_FOLDER);

  it("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(8);
  });

  it.each(files)("print what $name says", (file) => {
    expect(runScenarioFile(file).failures).toEqual([]);
  });
});

describe.skipIf(reference === undefined)("the scenario files of etcd-raft v3.7", () => {
  it.each(reference === undefined ? [] : scenarioFiles(reference))(
    "print what $name says",
    (file) => {
      expect(runScenarioFile(file).failures).toEqual([]);
    },
  );
});
