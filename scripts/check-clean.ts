/** Fails when generated files differ from what is committed: someone changed a source and not its product. */
import { execFileSync } from "node:child_process";

const GENERATED = ["packages/proto/src/gen", "packages/gateway/src/gen"];

const git = (...words: string[]) => execFileSync("git", words, { encoding: "utf8" }).trim();
const changed = git("status", "--porcelain", "--", ...GENERATED);
if (changed !== "") {
  console.error(`Generated files are stale; commit what "npm run generate" made:\n${changed}`);
  console.error(git("diff", "--stat", "--", ...GENERATED));
  process.exit(1);
}
console.log("generated files are up to date");
