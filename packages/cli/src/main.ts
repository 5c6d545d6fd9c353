/** The `millrace` command: noun, verb, then what it is about. */
import { Argument, Command } from "commander";

import { DEFAULT_DATA_DIRECTORY } from "./cluster-file.ts";
import { addClusterCommands } from "./commands/cluster/commands.ts";
import { printCompletion, SHELLS } from "./commands/completion.ts";
import { printEnvironment } from "./commands/env.ts";
import { addNodeCommands } from "./commands/node/commands.ts";
import { addProcessCommands } from "./commands/process-commands.ts";
import { addRecordCommands } from "./commands/record-commands.ts";
import { addShardCommands } from "./commands/shard/commands.ts";
import { addStreamCommands } from "./commands/stream/commands.ts";
import { describeFailure, red, remark } from "./output.ts";

/**
 * An AbortSignal that the first Ctrl-C, SIGTERM or closed terminal aborts; the second one ends the
 * process at once. `exit` listeners still run then, which is how `local` takes its nodes along.
 */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let asked = 0;
  const stop = () => {
    asked++;
    if (asked > 1) process.exit(130);
    controller.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
  return controller.signal;
}

export function createProgram(signal: AbortSignal): Command {
  const program = new Command("millrace");
  program
    .description("A durable, replicated Kinesis of your own")
    .version("0.1.0")
    .showHelpAfterError("(add --help for what there is)")
    .showSuggestionAfterError();
  addProcessCommands(program, signal);
  addClusterCommands(program);
  addNodeCommands(program, signal);
  addStreamCommands(program);
  addShardCommands(program, signal);
  addRecordCommands(program, signal);
  program
    .command("env")
    .description("print the shell lines that point AWS programs at a local cluster")
    .option("--data <dir>", "data folder of the cluster", DEFAULT_DATA_DIRECTORY)
    .action(({ data }: { data: string }) => printEnvironment(data));
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "whose script to print").choices(SHELLS))
    .description("print shell completion for bash, zsh or fish")
    .action((shell: string) => printCompletion(program, shell));
  return program;
}

/** Runs one command, and ends the process: a timer that somebody forgot must not delay its exit. */
export async function run(argv: readonly string[]): Promise<never> {
  process.stdout.on("error", onOutputError);
  try {
    await createProgram(stopSignal()).parseAsync([...argv]);
  } catch (error) {
    remark(red(`millrace: ${describeFailure(error)}`));
    process.exitCode = 1;
  }
  // What was printed must have left before.
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((flushed) => stream.write("", () => flushed()));
  }
  process.exit();
}

/** A reader that has gone (`millrace status | head -1`) is an end, not an error. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  remark(red(`millrace: standard output: ${error.message}`));
  process.exitCode = 1;
}
