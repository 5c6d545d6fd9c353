/**
 * Writes packages/proto/src/gen from proto/: the types of every message and service, one door to
 * them (types.ts), and the definitions themselves as a constant (descriptors.ts), so that nobody
 * needs a path to a .proto file at run time.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const schemaDir = join(root, "proto");
const genDir = join(root, "packages/proto/src/gen");

/** Paths below proto/, in one order on every machine. */
const schemas = readdirSync(schemaDir, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".proto"))
  .map((path) => path.replaceAll("\\", "/"))
  .toSorted();

/**
 * Must say the same as LOADER_OPTIONS of packages/proto/src/index.ts: one decides the types, the
 * other the values. The plain name is what a reader gets; a sender may leave fields out of `…Input`.
 */
const TYPE_OPTIONS = [
  "--longs=Number",
  "--enums=String",
  "--bytes=Buffer",
  "--defaults",
  "--oneofs",
  "--includeComments",
  "--inputTemplate=%sInput",
  "--outputTemplate=%s",
  "--grpcLib=@grpc/grpc-js",
  "--importFileExtension=.ts",
];

interface Namespace {
  readonly nested?: Readonly<Record<string, Namespace>>;
  readonly fields?: unknown;
  readonly values?: unknown;
  readonly methods?: unknown;
}
interface Protobuf {
  readonly Root: new () => {
    resolvePath: (origin: string, target: string) => string;
    loadSync(paths: readonly string[], options: { keepCase: boolean }): unknown;
    toJSON(): Namespace;
  };
}

/** The protobufjs of proto-loader itself, so that text and reader cannot differ in version. */
function loadDefinitions(): Namespace {
  const fromProto = createRequire(join(root, "packages/proto/package.json"));
  const fromLoader = createRequire(fromProto.resolve("@grpc/proto-loader"));
  const protobuf = fromLoader("protobufjs") as Protobuf;
  const definitions = new protobuf.Root();
  definitions.resolvePath = (_origin, target) => join(schemaDir, target);
  definitions.loadSync(schemas, { keepCase: false });
  return definitions.toJSON();
}

function writeTypes(into: string): void {
  const program = join(root, "node_modules/.bin/proto-loader-gen-types");
  const arguments_ = [...TYPE_OPTIONS, "--includeDirs=proto", `--outDir=${into}`, "--"];
  execFileSync(program, [...arguments_, ...schemas], { cwd: root, stdio: "inherit" });
  // Types of whole packages for grpc-js's own loader: unused here, and not free of `any`.
  for (const name of readdirSync(into)) {
    if (name.endsWith(".ts")) rmSync(join(into, name));
  }
}

/** Generated text ends in a newline and in no blanks, whatever the generator left. */
function tidy(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const path = join(directory, name);
    const text = readFileSync(path, "utf8").replaceAll(/[ \t]+$/gm, "");
    writeFileSync(path, `${text.trimEnd()}\n`);
  }
}

/** One line per message, enum and service; every name is unique across the packages. */
function typeExports(namespace: Namespace, path: readonly string[]): readonly string[] {
  return Object.entries(namespace.nested ?? {}).flatMap(([name, child]) => {
    const from = `"./${[...path, name].join("/")}.ts"`;
    if (child.fields !== undefined) return [`export type { ${name}, ${name}Input } from ${from};`];
    if (child.values !== undefined) return [`export type { ${name} } from ${from};`];
    if (child.methods !== undefined) {
      const names = [`${name}Definition`, `${name}Handlers`].join(", ");
      return [`export type { ${names} } from ${from};`];
    }
    return typeExports(child, [...path, name]);
  });
}

const HEADER =
  "// Written by scripts/generate-proto.ts from proto/; change the schema, not this.\n";

function main(): void {
  const fresh = mkdtempSync(join(root, "packages/proto/.gen-"));
  try {
    const definitions = loadDefinitions();
    writeTypes(fresh);
    const exports_ = typeExports(definitions, []).toSorted();
    writeFileSync(join(fresh, "types.ts"), `${HEADER}${exports_.join("\n")}\n`);
    writeFileSync(
      join(fresh, "descriptors.ts"),
      `${HEADER}export const DESCRIPTORS: object = ${JSON.stringify(definitions, null, 2)};\n`,
    );
    tidy(fresh);
    rmSync(genDir, { recursive: true, force: true });
    chmodSync(fresh, 0o755); // mkdtemp makes it private
    renameSync(fresh, genDir);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

main();
