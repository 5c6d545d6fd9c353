/** One Millrace process in the foreground, until it is told to stop. */
import { StreamError } from "@millrace/base";
import { describeSettings, readSettings, runNode } from "@millrace/server";

import { formatTable, write } from "../output.ts";

export interface StartCommandOptions {
  readonly config: string | undefined;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Resolves with the exit code: 0 after a graceful stop, 1 after a failure that needs a restart or a person. */
export async function start(options: StartCommandOptions, signal: AbortSignal): Promise<number> {
  const settings = readSettings({
    flags: options.flags,
    environment: process.env,
    file: options.config ?? process.env["MILLRACE_CONFIG"],
  });
  const node = await runNode(settings);
  const failed = node.failed.then(() => 1);
  const stopped = new Promise<number>((resolve) => {
    if (signal.aborted) resolve(0);
    else signal.addEventListener("abort", () => resolve(0), { once: true });
  });
  const code = await Promise.race([failed, stopped]);
  await node.stop();
  return code;
}

export function listSettings(): void {
  const rows = describeSettings().map(({ flag, environment, fallback, description }) => ({
    flag,
    variable: environment,
    default: Array.isArray(fallback) ? fallback.join(",") : String(fallback),
    meaning: description,
  }));
  write(formatTable(rows));
}

/** `--rpc-port 7400` and `--rpc-port=7400` as `{ rpcPort: "7400" }`. @throws StreamError for words that are no settings. */
export function parseFlags(words: readonly string[]): Readonly<Record<string, string>> {
  const flags: Record<string, string> = {};
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const match = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(word);
    if (match?.[1] === undefined) {
      throw new StreamError("invalid-argument", `"${word}" is no setting: write --name value`);
    }
    const value = match[2] ?? words[++index];
    if (value === undefined) throw new StreamError("invalid-argument", `${word} needs a value`);
    flags[match[1].replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())] = value;
  }
  return flags;
}
