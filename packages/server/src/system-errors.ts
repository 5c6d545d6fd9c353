/** Failures of the system in the words of the settings that caused them. */
import { StreamError } from "@millrace/base";

import type { SettingName, Settings } from "./settings.ts";
import { environmentName, kebab } from "./settings.ts";

/** Common codes of Node, as a person would say them. */
const IN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "it does not exist",
  ENOTDIR: "part of the path is not a folder",
  EEXIST: "it is not a folder",
  EISDIR: "it is a folder",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};

/** The reason in plain words; the system's own text where it has no common code. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as NodeJS.ErrnoException | null)?.code;
  // grpc-js wraps what the system said into a text without a code.
  const known = Object.keys(IN_WORDS).find((name) => code === name || text.includes(name));
  return known === undefined ? text : `${IN_WORDS[known]} (${known})`;
}

/** Runs `listen`; a failure names the port's setting. @throws StreamError `unavailable`. */
export async function listening<Server>(
  settings: Settings,
  name: Extract<SettingName, "rpcPort" | "dataPort" | "adminPort" | "awsPort">,
  listen: () => Promise<Server>,
): Promise<Server> {
  try {
    return await listen();
  } catch (error) {
    if (error instanceof StreamError) throw error;
    throw new StreamError(
      "unavailable",
      `${name} (--${kebab(name)}, ${environmentName(name)}) cannot listen on ` +
        `${settings.bindAddress}:${settings[name]}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}

/** Runs `use`; a failure names setting and path. @throws StreamError `invalid-argument`. */
export function withFile<Result>(name: SettingName, path: string, use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    if (error instanceof StreamError) throw error;
    throw new StreamError(
      "invalid-argument",
      `${name} (--${kebab(name)}, ${environmentName(name)}) is ${path}, which cannot be used: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}
