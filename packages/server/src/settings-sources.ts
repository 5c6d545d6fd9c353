/**
 * Reads settings from flags, environment and YAML. A key that is not known is refused with the
 * nearest one that is: a misspelt setting must never be a default in disguise.
 */
import { readFileSync } from "node:fs";

import { StreamError } from "@millrace/base";
import { parse } from "yaml";

import type { Settings } from "./settings.ts";
import { environmentName, kebab, SETTINGS } from "./settings.ts";

type Values = Readonly<Record<string, unknown>>;

/** Variables with our prefix that belong to the command line or to tests, not to a node. */
const OTHER_VARIABLES = new Set([
  "MILLRACE_ENDPOINTS",
  "MILLRACE_CONFIG",
  "MILLRACE_ENDPOINT",
  "MILLRACE_RAFT_TESTDATA",
  "MILLRACE_PROPERTY_RUNS",
]);

export interface SettingSources {
  /** By setting name (`rpcPort`), as the command line parsed them; `undefined` members are ignored. */
  readonly flags: Values;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of a YAML file, or `undefined` for none. */
  readonly file: string | undefined;
}

/** @throws StreamError `invalid-argument` that names each wrong setting, its value and what is allowed. */
export function readSettings(sources: SettingSources): Settings {
  const flags = defined(sources.flags);
  refuseUnknown(Object.keys(flags), (key) => `--${kebab(key)}`);
  const merged = {
    ...(sources.file === undefined ? {} : fromFile(sources.file)),
    ...fromEnvironment(sources.environment),
    ...flags,
  };
  const result = SETTINGS.safeParse(merged);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const key = String(issue.path[0] ?? "");
    const value = JSON.stringify((merged as Values)[key]);
    return `${key} (--${kebab(key)}, ${environmentName(key)}) is ${value}: ${issue.message}`;
  });
  throw new StreamError("invalid-argument", problems.join("\n"));
}

function fromFile(path: string): Values {
  const content = readText(path);
  let parsed: unknown;
  try {
    parsed = parse(content);
  } catch (error) {
    throw new StreamError("invalid-argument", `${path} is not YAML: ${String(error)}`, {
      cause: error,
    });
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== "object" || Array.isArray(parsed)) {
    throw new StreamError(
      "invalid-argument",
      `${path} must hold settings, one "name: value" per line`,
    );
  }
  refuseUnknown(Object.keys(parsed), (key) => `${key} in ${path}`);
  return parsed as Values;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StreamError(
      "invalid-argument",
      `config file ${path} cannot be read: ${String(error)}`,
      {
        cause: error,
      },
    );
  }
}

function fromEnvironment(environment: SettingSources["environment"]): Values {
  const byVariable = new Map(Object.keys(SETTINGS.shape).map((key) => [environmentName(key), key]));
  const ours = Object.entries(environment).filter(
    ([name, value]) =>
      name.startsWith("MILLRACE_") && value !== undefined && !OTHER_VARIABLES.has(name),
  );
  const values: Record<string, unknown> = {};
  for (const [name, value] of ours) {
    const key = byVariable.get(name);
    if (key === undefined) throw unknownName(name, [...byVariable.keys()], `variable ${name}`);
    values[key] = value;
  }
  return values;
}

function refuseUnknown(keys: readonly string[], describe: (key: string) => string): void {
  const known = Object.keys(SETTINGS.shape);
  const wrong = keys.find((key) => !known.includes(key));
  if (wrong !== undefined) throw unknownName(wrong, known, describe(wrong));
}

function unknownName(name: string, known: readonly string[], described: string): StreamError {
  const nearest = known.toSorted((a, b) => distance(name, a) - distance(name, b))[0] ?? "";
  return new StreamError(
    "invalid-argument",
    `unknown setting ${described}; did you mean ${nearest}? "millrace start --help" lists all`,
  );
}

function defined(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Edits (insert, delete, replace) between two words. Source: Wagner, Fischer, 1974. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
