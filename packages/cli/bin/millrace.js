#!/usr/bin/env node
// The launcher is checked in, because npm links no bin whose file is missing at install. It runs
// the build; without one it says how to get it instead of showing a module error.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/run.js", import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  console.error("millrace: not built yet. Run scripts/start, or npm install && npm run build.");
  process.exit(1);
}
await import(main.href);
