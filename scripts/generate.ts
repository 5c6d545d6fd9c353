/**
 * `npm run generate`: rewrites everything that is generated and checked in.
 *
 * Each generator is a program of its own beside this one, so that it can also run alone. Running
 * this twice changes nothing, which is how continuous integration finds stale output.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const GENERATORS = ["generate-proto.ts", "generate-aws-tables.ts"] as const;

for (const name of GENERATORS) {
  const program = join(import.meta.dirname, name);
  if (!existsSync(program)) continue;
  process.stdout.write(`${name}\n`);
  execFileSync(process.execPath, [...process.execArgv, program], { stdio: "inherit" });
}
