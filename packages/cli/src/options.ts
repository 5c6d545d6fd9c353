/** Options that several commands share, each with its check. */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";

import type { OutputFormat } from "./output.ts";
import { OUTPUT_FORMATS } from "./output.ts";

/** A whole number in `min..max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number in ${min}..${max}.`);
  };
}

export function accountId(text: string): string {
  if (/^\d{12}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be twelve digits.");
}

/** A region is a part of ARNs and of signatures, so it may hold nothing that these cannot. */
export function regionName(text: string): string {
  if (/^[a-z0-9-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be 1..64 of a-z, 0-9 and -, for example eu-central-1.");
}

export interface ClusterOptions {
  readonly data?: string;
  readonly endpoints?: string;
}

/** Where the cluster is: a data folder, or endpoints with the key of the environment. */
export function withClusterOptions(command: Command): Command {
  return command
    .option(
      "--data <dir>",
      "data folder of a local cluster (default: MILLRACE_ENDPOINTS, else .millrace)",
    )
    .option("--endpoints <list>", "rpc addresses of coordinator nodes, host:port,...");
}

export interface OutputOptions {
  readonly output: OutputFormat;
}

export function withOutputOption(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "how to print").choices(OUTPUT_FORMATS).default("table"),
  );
}
