/**
 * Every scenario file, byte for byte: this package's own, and the reference's where they are.
 */
// oxlint-disable-next-line no-restricted-imports -- tests may read files
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runScenario } from "./datadriven.ts";
import {
  ETCD_FOLDER,
  handlerOf,
  OWN_FOLDER,
  referenceFolder,
  runScenarioFile,
  SCENARIO_KINDS,
  scenarioFiles,
  updateScenarioFile,
} from "./scenario-files.ts";
import { reportScenarios, updateScenarios } from "./scenario-report.ts";

const reference = referenceFolder();
if (reference === undefined) console.log("reference scenarios: folder absent, skipped");

describe("the scenario files of this package", () => {
  it.each(scenarioFiles(ETCD_FOLDER))("print what etcd printed for $name", (file) => {
    expect(runScenarioFile(file).failures).toEqual([]);
  });

  it.each(scenarioFiles(OWN_FOLDER))("print what was checked by hand for $name", (file) => {
    expect(runScenarioFile(file).failures).toEqual([]);
  });

  it("say at the top what they pin", () => {
    const files = [...scenarioFiles(ETCD_FOLDER), ...scenarioFiles(OWN_FOLDER)];
    const silent = files.filter(({ path }) => !readFileSync(path, "utf8").startsWith("# "));
    expect(silent.map(({ name }) => name)).toEqual([]);
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

describe("one changed byte of expected text", () => {
  it.each(SCENARIO_KINDS)("makes every file of kind %s fail, whichever case it is in", (kind) => {
    const files = scenarioFiles(ETCD_FOLDER).filter((file) => file.kind === kind);
    expect(files.length).toBeGreaterThan(0);
    for (const { name, path } of files) {
      const { text, line } = withOneByteChanged(readFileSync(path, "utf8"), name.length);
      const { failures } = runScenario(name, text, handlerOf(kind));
      expect(failures.map((failure) => [name, failure.line])).toEqual([[name, line]]);
    }
  });
});

/** Changes the first byte of the expected text of some case; also returns the case's line. */
function withOneByteChanged(text: string, which: number): { text: string; line: number } {
  const cases: { line: number; expectedLines: readonly [number, number] }[] = [];
  runScenario("a look at the cases", text, (one) => {
    if (one.expected !== "") cases.push(one);
    return one.expected;
  });
  const chosen = cases[which % cases.length];
  if (chosen === undefined) throw new Error("no case has expected text");
  const lines = text.split("\n");
  const [at] = chosen.expectedLines;
  const old = lines[at] ?? "";
  lines[at] = `${String.fromCharCode(old.charCodeAt(0) ^ 1)}${old.slice(1)}`;
  return { text: lines.join("\n"), line: chosen.line };
}

describe("the scenario runner", () => {
  let folder: string;
  const printed: string[] = [];
  const print = (text: string): void => void printed.push(text);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scenarios-"));
    printed.length = 0;
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("ends with files, cases and failures, and shows where a text differs", () => {
    cpSync(join(ETCD_FOLDER, "confchange"), join(folder, "confchange"), { recursive: true });
    const { length } = scenarioFiles(folder);
    const first = scenarioFiles(folder)[0]?.path ?? "";
    const { text, line } = withOneByteChanged(readFileSync(first, "utf8"), 0);
    writeFileSync(first, text);
    expect(reportScenarios([folder], "", print)).toBe(false);
    expect(printed.at(-1)).toMatch(new RegExp(`^files ${length}, cases \\d+, failed 1$`));
    const shown = printed.find((one) => one.startsWith(`${first}:${line}: `));
    expect(shown).toMatch(/\n {2}- .*\n {2}\+ /);
  });

  it("counts a file that cannot be read as a failure", () => {
    cpSync(join(ETCD_FOLDER, "quorum"), join(folder, "quorum"), { recursive: true });
    writeFileSync(join(folder, "quorum", "zz.txt"), "vote cfg=(1) votes=(y)\n");
    expect(reportScenarios([folder], "zz", print)).toBe(false);
    expect(printed.at(-1)).toBe("files 1, cases 1, failed 1");
  });

  it("refuses a folder without scenario files and one that is not there", () => {
    expect(() => reportScenarios([folder], "", print)).toThrow(
      `${folder} has no .txt file in a sub-folder raft, quorum, confchange`,
    );
    const absent = join(folder, "absent");
    expect(() => reportScenarios([absent], "", print)).toThrow(
      `scenario folder ${absent} does not exist`,
    );
  });
});

describe("updating expected text (F1)", () => {
  it("refuses every file whose text came from etcd", () => {
    const folders = [ETCD_FOLDER, ...(reference === undefined ? [] : [reference])];
    for (const file of folders.flatMap(scenarioFiles)) {
      const before = readFileSync(file.path);
      expect(() => updateScenarioFile(file)).toThrow(/^refused to update .*oracle\/regenerate$/);
      expect(readFileSync(file.path).equals(before)).toBe(true);
    }
    expect(() => updateScenarios(folders, "", () => undefined)).toThrow(/^refused to update /);
  });

  it("rewrites a hand-checked file and keeps its comments", () => {
    const folder = mkdtempSync(join(tmpdir(), "scenarios-"));
    try {
      cpSync(join(OWN_FOLDER, "raft"), join(folder, "raft"), { recursive: true });
      const [file] = scenarioFiles(folder);
      if (file === undefined) throw new Error("no own scenario file");
      const right = readFileSync(file.path, "utf8");
      expect(updateScenarioFile(file, folder)).toBe(false);
      writeFileSync(file.path, withOneByteChanged(right, 3).text);
      expect(updateScenarioFile(file, folder)).toBe(true);
      expect(readFileSync(file.path, "utf8")).toBe(right);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
