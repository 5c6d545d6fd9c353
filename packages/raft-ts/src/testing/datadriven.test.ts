import { describe, expect, it } from "vitest";
import { parseScenario, runScenario } from "./datadriven.ts";

describe("the data-driven reader (cockroachdb/datadriven)", () => {
  it("reads directive, arguments, input and output with the line of the directive", () => {
    const text = "# note\n\nadd 3 voters=(1, 2) index=5 empty=()\nline a\nline b\n----\nout\n\n";
    expect(parseScenario(text)).toEqual([
      {
        line: 3,
        command: "add",
        args: [
          { key: "3", values: [] },
          { key: "voters", values: ["1", "2"] },
          { key: "index", values: ["5"] },
          { key: "empty", values: [] },
        ],
        input: "line a\nline b",
        expected: "out\n",
        expectedLines: [6, 7],
      },
    ]);
  });

  it("keeps blank lines of fenced output", () => {
    expect(parseScenario("a\n----\n----\none\n\ntwo\n----\n----\n\nb\n----\n")).toMatchObject([
      { command: "a", expected: "one\n\ntwo\n" },
      { command: "b", expected: "" },
    ]);
  });

  it("joins a directive that ends in a backslash with the next line", () => {
    expect(parseScenario("a \\\nb=1\n----\n")).toMatchObject([
      { command: "a", args: [{ key: "b", values: ["1"] }] },
    ]);
  });

  it("reports a case whose output differs, with both texts", () => {
    expect(runScenario("f", "a\n----\nyes\n\nb\n----\nyes\n", (one) => one.command)).toEqual({
      cases: 2,
      failures: [
        { name: "f", line: 1, command: "a", expected: "yes\n", actual: "a\n" },
        { name: "f", line: 5, command: "b", expected: "yes\n", actual: "b\n" },
      ],
    });
  });

  it("names the line of a directive without an end", () => {
    expect(() => parseScenario("\na\nb\n")).toThrow("line 2: no ---- after a");
  });
});
