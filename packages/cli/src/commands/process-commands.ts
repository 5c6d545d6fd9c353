import { resolve } from "node:path";

import type { Command } from "commander";
import { Option } from "commander";

import { DEFAULT_DATA_DIRECTORY } from "../cluster-file.ts";
import { accountId, regionName, wholeNumber } from "../options.ts";

interface LocalFlags {
  readonly nodes: number;
  readonly data: string;
  readonly port: number;
  readonly limits?: string;
  readonly restart: boolean;
  readonly account: string;
  readonly region: string;
  readonly set: readonly string[];
}

/** `start`, `dev` and `local`: the commands that run processes. Their code is loaded only when asked for. */
export function addProcessCommands(program: Command, signal: AbortSignal): void {
  program
    .command("start")
    .description(
      "run one process of a cluster; every setting is a flag, a variable or a line of YAML",
    )
    .option("--config <file>", "YAML file with settings (or MILLRACE_CONFIG)")
    .argument("[settings...]", "settings as --name value; see --list-settings")
    .option("--list-settings", "print every setting with its flag, variable and default")
    .allowUnknownOption()
    .action(
      async (
        _: unknown,
        options: { config?: string; listSettings?: boolean },
        command: Command,
      ) => {
        const { listSettings, parseFlags, start } = await import("./start.ts");
        if (options.listSettings === true) return listSettings();
        process.exitCode = await start(
          { config: options.config, flags: parseFlags(command.args) },
          signal,
        );
        return undefined;
      },
    );
  localOptions(program.command("dev"))
    .description("run one node with every role, for trying things out")
    .action(async (flags: LocalFlags) => {
      if (flags.nodes > 1) return runLocalCommand(flags, signal);
      const { runDev } = await import("./dev.ts");
      const { account, region, limits, port: awsPort } = flags;
      return runDev({ dataDir: resolve(flags.data), awsPort, limits, account, region }, signal);
    })
    .addOption(nodesOption(1));
  localOptions(program.command("local"))
    .description("run a whole cluster on this machine: what scripts/start does")
    .addOption(nodesOption(3))
    .option(
      "--no-restart",
      "leave a process that died dead, instead of starting it again after 2 s",
    )
    .option("--set <name=value>", "setting for every process, repeatable", collect, [])
    .action((flags: LocalFlags) => runLocalCommand(flags, signal));
}

function nodesOption(fallback: number): Option {
  return new Option("--nodes <n>", "broker and coordinator nodes: 1, 3, 5 or 7")
    .argParser(wholeNumber(1, 7))
    .default(fallback);
}

function localOptions(command: Command): Command {
  return command
    .option("--data <dir>", "data folder", DEFAULT_DATA_DIRECTORY)
    .option("--port <port>", "port of the AWS endpoint", wholeNumber(1, 65_535), 4566)
    .addOption(
      new Option(
        "--limits <policy>",
        "limits per shard of a new cluster: AWS's own (the default), or none",
      ).choices(["aws", "unlimited"]),
    )
    .option("--account <id>", "account of the cluster, twelve digits", accountId, "000000000000")
    .option("--region <name>", "region of the cluster", regionName, "us-east-1");
}

async function runLocalCommand(flags: LocalFlags, signal: AbortSignal): Promise<void> {
  const { runLocal } = await import("./local.ts");
  await runLocal(
    {
      nodes: flags.nodes,
      dataDir: resolve(flags.data),
      awsPort: flags.port,
      limits: flags.limits,
      restart: flags.restart ?? true,
      account: flags.account,
      region: flags.region,
      extra: Object.fromEntries((flags.set ?? []).map(pair)),
    },
    signal,
  );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function pair(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, "true"] : [text.slice(0, at), text.slice(at + 1)];
}
