/**
 * The consensus core cannot reach the world: proved by code that tries.
 *
 * A run of the core is reproducible because nothing but its inputs decides. A rule that has been
 * switched off by accident would be noticed by nobody, so each forbidden thing is linted, and
 * compiled, here.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules", ".bin");
let work = "";

/** A tree in which the rules for the package hold: the same configuration, the same paths. */
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "raft-purity-"));
  mkdirSync(join(work, "packages/raft-ts/src"), { recursive: true });
  const own = ["package.json", "tsconfig.json"].map((name) => `packages/raft-ts/${name}`);
  for (const file of [".oxlintrc.json", "tsconfig.base.json", ...own]) {
    cpSync(join(root, file), join(work, file));
  }
  symlinkSync(join(root, "node_modules"), join(work, "node_modules"), "dir");
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Forbidden statements, one a line, and whether lint or the compiler says so. */
const FORBIDDEN = [
  { code: 'import { readFileSync } from "node:fs";', lint: true, compile: true },
  { code: 'import { setTimeout as wait } from "node:timers/promises";', lint: true, compile: true },
  { code: 'import { join } from "path";', lint: true, compile: true },
  { code: 'import { StreamError } from "@millrace/base";', lint: true, compile: false },
  { code: 'import { other } from "../../base/src/errors.ts";', lint: true, compile: true },
  { code: 'export const later = import("node:net");', lint: true, compile: true },
  { code: "export const now = Date.now();", lint: true, compile: false },
  { code: "export const today = new Date();", lint: true, compile: false },
  { code: "export const die = Math.random();", lint: true, compile: false },
  { code: "export const { random } = Math;", lint: true, compile: false },
  { code: "setTimeout(() => {}, 1);", lint: true, compile: true },
  { code: "setInterval(() => {}, 1);", lint: true, compile: true },
  { code: "setImmediate(() => {});", lint: true, compile: true },
  { code: "queueMicrotask(() => {});", lint: true, compile: true },
  { code: "export const ms = performance.now();", lint: true, compile: true },
  { code: "export const hidden = globalThis.Date;", lint: true, compile: false },
  {
    code: "export const bytes = crypto.getRandomValues(new Uint8Array(1));",
    lint: true,
    compile: true,
  },
  { code: "export const env = process.env;", lint: true, compile: true },
  { code: "export const copy = Buffer.alloc(1);", lint: true, compile: true },
  { code: 'console.log("x");', lint: true, compile: true },
  { code: 'export const page = fetch("x");', lint: true, compile: true },
] as const;

const RULES = /no-restricted-(globals|imports|properties)/;

function write(lines: readonly string[]): string {
  const path = join(work, "packages/raft-ts/src/bad.ts");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** Lines that break one of the rules about the world. */
function lintedLines(lines: readonly string[]): ReadonlySet<number> {
  const args = ["--format", "json", write(lines)];
  const { stdout } = spawnSync(join(bin, "oxlint"), args, { cwd: work, encoding: "utf8" });
  const { diagnostics } = JSON.parse(stdout) as {
    readonly diagnostics: readonly {
      readonly code: string;
      readonly labels: readonly { readonly span: { readonly line: number } }[];
    }[];
  };
  const broken = diagnostics.filter(({ code }) => RULES.test(code));
  return new Set(broken.flatMap(({ labels }) => labels.map(({ span }) => span.line)));
}

/** Lines that do not compile in the package. */
function uncompiledLines(lines: readonly string[]): ReadonlySet<number> {
  write(lines);
  const args = ["-p", join(work, "packages/raft-ts"), "--noEmit", "--pretty", "false"];
  const { stdout } = spawnSync(join(bin, "tsc"), args, { cwd: work, encoding: "utf8" });
  return new Set([...stdout.matchAll(/bad\.ts\((\d+),/g)].map((match) => Number(match[1])));
}

describe("the consensus core", () => {
  const codes = FORBIDDEN.map(({ code }) => code);
  const expected = (by: "lint" | "compile") => FORBIDDEN.filter((one) => one[by]);
  const at = (found: ReadonlySet<number>) => FORBIDDEN.filter((_, i) => found.has(i + 1));

  it("is not linted clean with anything that reaches the world", () => {
    expect(at(lintedLines(codes))).toEqual(expected("lint"));
  });

  it("does not compile with anything that only a host has", () => {
    expect(at(uncompiledLines(codes))).toEqual(expected("compile"));
  });

  it("is stopped by one of both for every such thing", () => {
    expect(FORBIDDEN.filter(({ lint, compile }) => !lint && !compile)).toEqual([]);
  });

  it("may use what its files use: the rules do not refuse everything", () => {
    const good = [
      'import { NO_NODE } from "./types.ts";',
      "export const least = Math.max(NO_NODE, 1);",
    ];
    expect([...lintedLines(good)]).toEqual([]);
  });

  it("has no file of its own in which a rule is switched off", () => {
    const pattern = "oxlint-disable|eslint-disable|@ts-ignore|@ts-expect-error";
    const args = ["grep", "-lE", pattern, "--", "packages/raft-ts/src/*.ts"];
    const { stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
    const own = stdout.split("\n").filter((path) => path !== "");
    expect(own.filter((path) => !path.endsWith(".test.ts") && !path.includes("/testing/"))).toEqual(
      [],
    );
  });
});
