/**
 * Reads settings from flags, environment and YAML. A key that is not known is refused with the
 * nearest one that is: a misspelt setting must never be a default in disguise.
 */
import { readFileSync } from "node:fs";

import { StreamError } from "@millrace/base";
import { parse } from "yaml";

import type { Settings } from "./settings.ts";
import { reasonOf } from "./system-errors.ts";
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

/** Bind addresses that mean all of a machine's. */
const EVERY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]", "*"]);

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
  refuseUnknown(Object.keys(flags), kebabFlag, kebabFlag);
  const merged = {
    ...(sources.file === undefined ? {} : fromFile(sources.file)),
    ...fromEnvironment(sources.environment),
    ...flags,
  };
  const result = SETTINGS.safeParse(merged);
  if (result.success) return checked(result.data);
  const problems = result.error.issues.map((issue) => {
    const key = String(issue.path[0] ?? "");
    const value = JSON.stringify((merged as Values)[key]);
    return `${key} (--${kebab(key)}, ${environmentName(key)}) is ${value}: ${issue.message}`;
  });
  throw new StreamError("invalid-argument", problems.join("\n"));
}

/** What no single setting shows to be wrong. */
function checked(settings: Settings): Settings {
  const { bindAddress, advertiseAddress, join, rpcPort } = settings;
  if (EVERY_ADDRESS.has(bindAddress) && advertiseAddress === "") {
    throw new StreamError(
      "invalid-argument",
      `bindAddress is ${bindAddress}, which nobody can dial: give advertiseAddress (--advertise-address, MILLRACE_ADVERTISE_ADDRESS), the address of this machine`,
    );
  }
  if (rpcPort === 0 && join.length === 0) {
    throw new StreamError(
      "invalid-argument",
      "rpcPort is 0 and join is empty, so this node could not find itself: give one of them",
    );
  }
  return settings;
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
      `config file ${path} cannot be read: ${reasonOf(error)}`,
      { cause: error },
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

/** @param spell How the source spells a setting, so that the suggestion can be pasted. */
function refuseUnknown(
  keys: readonly string[],
  describe: (key: string) => string,
  spell: (key: string) => string = (key) => key,
): void {
  const known = Object.keys(SETTINGS.shape);
  const wrong = keys.find((key) => !known.includes(key));
  if (wrong !== undefined) throw unknownName(spell(wrong), known.map(spell), describe(wrong));
}

const kebabFlag = (key: string) => `--${kebab(key)}`;

function unknownName(name: string, known: readonly string[], described: string): StreamError {
  const nearest = known.toSorted((a, b) => distance(name, a) - distance(name, b))[0] ?? "";
  return new StreamError(
    "invalid-argument",
    `unknown setting ${described}; did you mean ${nearest}? "millrace start --list-settings" lists all`,
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
