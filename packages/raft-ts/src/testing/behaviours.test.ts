/**
 * SPEC.md lists every behaviour that the tests of etcd-raft name, with the test that holds it.
 * Without a check the list would be true on the day it was written, and a behaviour whose test
 * was renamed or removed would stay "held".
 */
// oxlint-disable-next-line no-restricted-imports -- a test that reads this package's own files
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** One row: a behaviour, and a test that holds it (or a part of it). */
interface Row {
  readonly source: string;
  readonly behaviour: string;
  readonly file: string;
  readonly title: string;
}

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** `file TestX` of every name in a list: a file name at the margin, its names indented. */
function namesOf(list: string): string[] {
  let source = "";
  const names: string[] = [];
  for (const line of list.split("\n")) {
    source = /^(\S+_test\.go)\b/.exec(line)?.[1] ?? source;
    const name = /^ {2}(Test\w+)$/.exec(line)?.[1];
    if (name !== undefined) names.push(`${source} ${name}`);
  }
  return names;
}

/** The rows of the section "Behaviours". */
function rowsOf(spec: string): Row[] {
  const [, section = ""] = spec.split("\n## Behaviours\n");
  let source = "";
  const rows: Row[] = [];
  for (const line of (section.split("\n## ")[0] ?? "").split("\n")) {
    source = /^### (\S+)$/.exec(line)?.[1] ?? source;
    if (!line.startsWith("| Test")) continue;
    const cells = /^\| (Test\w+) \| `([^`]+\.test\.ts)`: (.+) \|$/.exec(line);
    if (cells === null) throw new Error(`SPEC.md: no row of the form of the others: ${line}`);
    const [, behaviour = "", file = "", title = ""] = cells;
    rows.push({ source, behaviour, file, title });
  }
  return rows;
}

/** Titles that a test file gives to its tests, as they stand in the code. */
function titlesOf(file: string): Set<string> {
  const titles = new Set<string>();
  // A title follows `it(` or the call that ends `it.each(...)`, in pieces if it is long.
  const calls =
    /(?:\bit|\)|\])\(\s*((?:"(?:[^"\\]|\\.)*"|`[^`]*`|'[^']*')(?:\s*\+\s*"(?:[^"\\]|\\.)*")*)\s*,/g;
  for (const [, literal = ""] of read(file).matchAll(calls)) {
    const pieces = literal.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|'[^']*'/g) ?? [];
    titles.add(pieces.map((piece) => piece.slice(1, -1).replaceAll('\\"', '"')).join(""));
  }
  return titles;
}

const rows = rowsOf(read("SPEC.md"));
const names = namesOf(read("testdata/behaviours.txt"));
const reference = new URL(
  "../../../../../shared/etcd-raft-testdata/behaviours.txt",
  import.meta.url,
);

describe("the list of behaviours in SPEC.md", () => {
  it("has every behaviour that etcd-raft names, under its file, and no other", () => {
    const listed = new Set(rows.map(({ source, behaviour }) => `${source} ${behaviour}`));
    expect([...listed].toSorted()).toEqual(names.toSorted());
  });

  it("names tests that are there, by their exact titles", () => {
    const titles = new Map([...new Set(rows.map(({ file }) => file))].map((f) => [f, titlesOf(f)]));
    const missing = rows.filter(({ file, title }) => titles.get(file)?.has(title) !== true);
    expect(missing).toEqual([]);
  });

  it("names tests that name the behaviour in turn, in the title or in a comment", () => {
    const silent = rows.filter(({ file, behaviour }) => !hasWord(read(file), behaviour));
    expect(silent).toEqual([]);
  });

  it("is of 234 behaviours in 20 files", () => {
    expect([names.length, new Set(names.map((name) => name.split(" ")[0])).size]).toEqual([
      234, 20,
    ]);
  });

  it.skipIf(!existsSync(reference))("is the list of the reference folder", () => {
    expect(names).toEqual(namesOf(readFileSync(reference, "utf8")));
  });

  if (!existsSync(reference)) {
    console.log("skipped: no reference folder, so its list of behaviours is not compared");
  }
});

function hasWord(text: string, word: string): boolean {
  return new RegExp(String.raw`\b${word}\b`).test(text);
}
