/**
 * Rules of the repository that no compiler checks.
 *
 * TypeScript references do not stop an import of an unreferenced workspace package (it resolves
 * through the hoisted link), so the layers are read off the sources here. A new package adds a row.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { execFileSync } from "node:child_process";

import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** What each package may import; the order is that of ARCHITECTURE.md. */
export const LAYERS = {
  base: [],
  model: ["base"],
  "raft-ts": [],
  storage: ["base"],
  proto: [],
  rpc: ["base", "proto"],
  replica: ["base", "proto", "raft-ts", "storage", "rpc"],
  broker: ["base", "model", "proto", "replica", "storage", "rpc"],
  coordinator: ["base", "model", "proto", "replica", "storage", "rpc"],
  client: ["base", "model", "proto", "rpc"],
  gateway: ["base", "model", "client"],
  server: [
    "base",
    "model",
    "storage",
    "proto",
    "rpc",
    "replica",
    "broker",
    "coordinator",
    "client",
    "gateway",
  ],
  cli: ["base", "model", "client", "server"],
  bench: ["base", "model", "raft-ts", "client"],
  simulator: [
    "base",
    "model",
    "proto",
    "storage",
    "rpc",
    "replica",
    "broker",
    "coordinator",
    "client",
  ],
} as const satisfies Record<string, readonly string[]>;

/** Places that may start servers, so the cli reaches into server from these commands alone. */
const CLI_SERVER_IMPORTERS = ["src/commands/start.ts", "src/commands/dev.ts"];

const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted();

function files(directory: string, pattern: RegExp): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => pattern.test(path) && !/node_modules|\/dist\//.test(path))
    .filter((path) => statSync(path).isFile());
}

function sources(name: string): readonly string[] {
  return files(join(root, "packages", name, "src"), /\.ts$/);
}

function imports(path: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function internal(specifiers: readonly string[]): readonly string[] {
  return specifiers.flatMap((one) => /^@millrace\/([^/]+)/.exec(one)?.[1] ?? []);
}

/** Words that this file itself must not contain are written with a blank inside. */
const split = (words: string) => words.replaceAll(" ", "");

const isTest = (path: string) => /\.(test|bench)\.ts$/.test(path) || path.includes("/src/testing/");

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
}
const manifest = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) as Manifest;

describe.each(Object.entries(LAYERS))("packages/%s", (name, allowed) => {
  it("imports only what its layer allows", () => {
    const found = sources(name).flatMap((path) =>
      internal(imports(path))
        .filter((one) => one !== name)
        .map((one) => ({ path: relative(root, path), one })),
    );
    expect(found.filter(({ one }) => !(allowed as readonly string[]).includes(one))).toEqual([]);
  });

  it("declares exactly those in package.json and tsconfig.json", () => {
    const declared = Object.keys(manifest(name).dependencies ?? {});
    expect(sorted(internal(declared))).toEqual(sorted(allowed));
    const config = JSON.parse(
      readFileSync(join(root, "packages", name, "tsconfig.json"), "utf8"),
    ) as { readonly references?: readonly { readonly path: string }[] };
    const references = (config.references ?? []).map(({ path }) => path.replace("../", ""));
    expect(sorted(references)).toEqual(sorted(allowed));
  });

  it("has a README and the Node floor", () => {
    expect(existsSync(join(root, "packages", name, "README.md"))).toBe(true);
    expect(manifest(name).engines?.node).toBe(">=20.19");
  });
});

describe("the tree", () => {
  it("has a row in LAYERS for each package", () => {
    const folders = readdirSync(join(root, "packages")).filter((one) =>
      existsSync(join(root, "packages", one, "package.json")),
    );
    expect(sorted(folders)).toEqual(sorted(Object.keys(LAYERS)));
  });

  it("lets cli reach servers from start and dev alone", () => {
    const offenders = sources("cli")
      .filter((path) => !isTest(path) && internal(imports(path)).includes("server"))
      .map((path) => relative(join(root, "packages", "cli"), path));
    expect(offenders.filter((path) => !CLI_SERVER_IMPORTERS.includes(path))).toEqual([]);
  });

  it("keeps node: modules and the clock out of the pure packages, whatever their tests do", () => {
    const pure = ["base", "model", "raft-ts"].flatMap(sources).filter((path) => !isTest(path));
    const offenders = pure.filter((path) => imports(path).some((one) => one.startsWith("node:")));
    expect(offenders.map((path) => relative(root, path))).toEqual([]);
  });

  it("opens files through node:fs in one place of storage", () => {
    const offenders = ["storage", "replica", "broker", "coordinator"]
      .flatMap(sources)
      .filter((path) => !isTest(path) && imports(path).some((one) => one.startsWith("node:fs")))
      .map((path) => relative(root, path));
    expect(offenders).toEqual(["packages/storage/src/node-file-system.ts"]);
  });
});

describe("committed text", () => {
  const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)));
  const text = tracked.filter((path) => !/\.(bin|png|gz)$|package-lock\.json$/.test(path));

  it("has no unfinished mark without an issue number", () => {
    const mark = new RegExp(`\\b(${split("TO DO|FIX ME|XX X")})\\b(?!\\(#\\d+\\))`);
    const offenders = text.filter(
      (path) =>
        /\.(ts|md|proto|sh|json)$/.test(path) && mark.test(readFileSync(join(root, path), "utf8")),
    );
    expect(offenders).toEqual([]);
  });

  it("names no registry host and no path of one machine", () => {
    const banned = new RegExp(split("registry\\.npm js|py pi\\.org|/wo rk/|/ro ot/|/ho me/[a-z]"));
    const offenders = text.filter((path) => banned.test(readFileSync(join(root, path), "utf8")));
    expect(offenders).toEqual([]);
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    expect(/"resolved": "http/.test(lock)).toBe(false);
  });

  it("has no file of more than 2 MiB and no source of more than 500 lines outside gen", () => {
    const large = tracked.filter((path) => statSync(join(root, path)).size > 2 * 1024 * 1024);
    const long = tracked.filter(
      (path) =>
        path.endsWith(".ts") &&
        !path.includes("/gen/") &&
        readFileSync(join(root, path), "utf8").split("\n").length > 501,
    );
    expect({ large, long }).toEqual({ large: [], long: [] });
  });

  it("uses every file under testdata in some test of its package", () => {
    const unused = tracked.filter((path) => {
      const match = /^(packages\/[^/]+)\/testdata\/(.+)$/.exec(path);
      if (match?.[1] === undefined) return false;
      const tests = files(join(root, match[1], "src"), /\.ts$/);
      return !tests.some((test) => readFileSync(test, "utf8").includes("testdata"));
    });
    expect(unused).toEqual([]);
  });

  it("names for each rule S1-S13 a test that exists, or says that none enforces it yet", () => {
    const spec = readFileSync(join(root, "SPEC.md"), "utf8");
    for (let rule = 1; rule <= 13; rule++) {
      const row = spec.split("\n").find((line) => line.startsWith(`| S${rule} |`)) ?? "";
      const named = [...row.matchAll(/`((?:packages|test)\/[^`]+\.ts)`/g)].map(
        (one) => one[1] ?? "",
      );
      const missing = named.filter((path) => !existsSync(join(root, path)));
      const silent = named.length === 0 && !row.includes("not enforced yet");
      expect({ rule: `S${rule}`, missing, silent }).toEqual({
        rule: `S${rule}`,
        missing: [],
        silent: false,
      });
      for (const path of named) {
        const cites = new RegExp(`\\bS${rule}\\b`).test(readFileSync(join(root, path), "utf8"));
        expect({ path, rule: `S${rule}`, cites }).toEqual({ path, rule: `S${rule}`, cites: true });
      }
    }
  });
});
