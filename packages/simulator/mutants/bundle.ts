/**
 * One file with the simulator and the whole product in it, with a mistake in its source.
 *
 * The product has no switch for mistakes: the sources are changed on their way into the bundle. A
 * bundle starts in a fraction of the time that two hundred sources take to be loaded one by one.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

import { build, type Plugin } from "esbuild";

import { withEdits, type Mutant } from "./mutant.ts";

const PACKAGES = join(import.meta.dirname, "..", "..");
/** Inside the work tree, where Node finds the libraries; not committed. */
export const OUTPUT = join(PACKAGES, "..", "test-results", "sim-mutants");

export interface Bundle {
  readonly path: string;
  /** SHA-256 of the sources as they are without the mistake: equal bundles run equal. */
  readonly tree: string;
}

/** @throws Error when an edit of the mutant does not apply, or its file is no part of the simulator. */
export async function bundle(mutant: Mutant): Promise<Bundle> {
  mkdirSync(OUTPUT, { recursive: true });
  const path = join(OUTPUT, `${mutant.name}.mjs`);
  const sources = new Map<string, string>();
  await build({
    entryPoints: [join(import.meta.dirname, "run-seeds.ts")],
    outfile: path,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "silent",
    plugins: [workspace(), mistaken(mutant, sources)],
  });
  for (const { file } of mutant.edits) {
    if (!sources.has(file)) {
      throw new Error(`mutant ${mutant.name}: packages/${file} is no part of the simulator`);
    }
  }
  return { path, tree: treeHash(sources) };
}

/** Our own packages are bundled from their sources, all others are left to Node. */
function workspace(): Plugin {
  return {
    name: "workspace",
    setup: (bundler) => {
      bundler.onResolve({ filter: /^@millrace\// }, ({ path }) => {
        const [, name = "", ...rest] = path.split("/");
        const inner = rest.length === 0 ? "index.ts" : `${rest.join("/")}.ts`;
        const source = join(PACKAGES, name, "src", inner);
        const folder = join(PACKAGES, name, "src", ...rest, "index.ts");
        return { path: existsSync(source) ? source : folder };
      });
    },
  };
}

function mistaken(mutant: Mutant, sources: Map<string, string>): Plugin {
  return {
    name: "mistaken",
    setup: (bundler) => {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const file = relative(PACKAGES, path);
        sources.set(file, text);
        return { contents: withEdits(mutant, file, text), loader: "ts" };
      });
    },
  };
}

function treeHash(sources: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const [file, text] of [...sources].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${file}\0${text.length}\0${text}`);
  }
  return hash.digest("hex").slice(0, 16);
}
