/** The public names are read off the sources: the compiler has no interface that a test could ask. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

const folder = import.meta.dirname;
const read = (file: string) => readFileSync(join(folder, file), "utf8");

interface PublicName {
  readonly file: string;
  readonly name: string;
}

function publicNames(): readonly PublicName[] {
  const lists = read("index.ts").matchAll(/export (?:type )?\{([^}]*)\} from "\.\/([^"]+)"/g);
  return [...lists].flatMap(([, names = "", file = ""]) =>
    names
      .split(",")
      .map((one) => one.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => ({ file, name })),
  );
}

/** Lines of a file, and the place where `name` is declared. */
function declaration({ file, name }: PublicName): { lines: readonly string[]; at: number } {
  const lines = read(file).split("\n");
  const start = new RegExp(`^export (?:interface|type|class|const|function) ${name}\\b`);
  return { lines, at: lines.findIndex((line) => start.test(line)) };
}

const isDocumented = (lines: readonly string[], at: number) =>
  at > 0 && (lines[at - 1] ?? "").trimEnd().endsWith("*/");

/** Members of an interface or class that may be used from outside: those indented by two. */
function undocumentedMembers(name: PublicName): readonly string[] {
  const { lines, at } = declaration(name);
  if (!/^export (?:interface|class) /.test(lines[at] ?? "")) return [];
  const end = lines.findIndex((line, i) => i > at && line.startsWith("}"));
  const isMember =
    /^ {2}(?!(?:readonly )?#|\/|\*|\}|\)|constructor\b|return\b)(?:readonly |get |override |static )*([a-zA-Z]\w*)\??[:(=< ]/;
  return lines.slice(at + 1, end).flatMap((line, i) => {
    const member = isMember.exec(line)?.[1];
    return member === undefined || isDocumented(lines, at + 1 + i)
      ? []
      : [`${name.name}.${member}`];
  });
}

describe("the public names", () => {
  it("are found in the sources", () => {
    expect(publicNames().length).toBeGreaterThan(40);
    expect(publicNames().filter((name) => declaration(name).at < 0)).toEqual([]);
  });

  it("have a docstring each", () => {
    const missing = publicNames().filter((name) => {
      const { lines, at } = declaration(name);
      return !isDocumented(lines, at);
    });
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it("have members with a docstring each", () => {
    expect(publicNames().flatMap(undocumentedMembers)).toEqual([]);
  });
});
