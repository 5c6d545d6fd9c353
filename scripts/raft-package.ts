/**
 * Packs raft-ts as it would be published, installs the package in an empty folder, checks the
 * README's example against its types the way two kinds of users resolve them, and runs it with plain
 * node. What works only inside this repository fails here.
 *
 * Nothing is downloaded: the package has no dependencies, and npm is told to stay offline.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const PACKAGE = join(ROOT, "packages", "raft-ts");

/** What the example prints: the empty entry of the new leader, then the proposal, on each member. */
const EXPECTED = [1, 2]
  .flatMap((index) =>
    [1, 2, 3].map((id) => {
      const data = index === 1 ? "Uint8Array(0) []" : "Uint8Array(3) [ 1, 2, 3 ]";
      return `${id} applies ${index} ${data}`;
    }),
  )
  .join("\n");

const RESOLUTIONS = [
  ["node16", "node16"],
  ["esnext", "bundler"],
] as const;

function run(folder: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function pack(folder: string): string {
  const out = run(PACKAGE, "npm", "pack", "--json", "--pack-destination", folder);
  const [packed] = JSON.parse(out) as readonly {
    readonly filename: string;
    readonly files: readonly { readonly path: string }[];
  }[];
  if (packed === undefined) throw new Error("npm pack has packed nothing");
  const paths = packed.files.map(({ path }) => path);
  const strays = paths.filter((path) => /\.test\.|(^|\/)testing\/|testdata|tsbuildinfo/.test(path));
  if (strays.length > 0) throw new Error(`the package contains tests: ${strays.join(", ")}`);
  for (const needed of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts"]) {
    if (!paths.includes(needed)) throw new Error(`the package lacks ${needed}`);
  }
  console.log(`packed ${paths.length} files`);
  return join(folder, packed.filename);
}

function example(): string {
  const readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
  const code = /```js\n([^]*?)```/.exec(readme)?.[1];
  if (code === undefined) throw new Error("README.md has no example in a js block");
  return code;
}

function checkTypes(folder: string, module: string, moduleResolution: string): void {
  const compilerOptions = {
    module,
    moduleResolution,
    target: "es2023",
    lib: ["es2023", "dom"],
    types: [],
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const config = join(folder, "tsconfig.json");
  writeFileSync(config, JSON.stringify({ compilerOptions, files: ["example.ts"] }));
  run(folder, join(ROOT, "node_modules", ".bin", "tsc"), "-p", config);
  console.log(`types resolve under ${moduleResolution}`);
}

function main(): void {
  const folder = mkdtempSync(join(tmpdir(), "raft-ts-"));
  try {
    const tarball = pack(folder);
    writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }\n');
    run(folder, "npm", "install", "--offline", "--no-audit", "--no-fund", tarball);
    writeFileSync(join(folder, "example.ts"), example());
    writeFileSync(join(folder, "example.js"), example());
    for (const [module, resolution] of RESOLUTIONS) checkTypes(folder, module, resolution);
    const printed = run(folder, process.execPath, "example.js").trim();
    if (printed !== EXPECTED) throw new Error(`the example printed\n${printed}\nnot\n${EXPECTED}`);
    console.log("the README's example runs from the package");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
