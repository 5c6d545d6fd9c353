import type { Command } from "commander";

import { withCluster } from "../connect.ts";
import type { ClusterOptions } from "../options.ts";
import { wholeNumber, withClusterOptions } from "../options.ts";

interface PutFlags extends ClusterOptions {
  readonly file: string;
  readonly key?: string;
  readonly quiet?: boolean;
}

interface TailFlags extends ClusterOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly from?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

/** `put` and `tail`. */
export function addRecordCommands(program: Command, signal: AbortSignal): void {
  withClusterOptions(program.command("put <stream>"))
    .description("store lines of standard input or of a file, one record each")
    .option("--file <path>", "file to read, - for standard input", "-")
    .option("--key <text>", "partition key of every line (default: the line itself)")
    .option("--quiet", "print nothing but errors")
    .action(async (streamName: string, flags: PutFlags) => {
      const { putLines } = await import("./put.ts");
      await withCluster(flags, (connection) =>
        putLines(
          connection,
          streamName,
          { file: flags.file, key: flags.key, quiet: flags.quiet === true },
          signal,
        ),
      );
    });
  withClusterOptions(program.command("tail <stream>"))
    .description("print records, one per line")
    .option("-f, --follow", "go on with new records until Ctrl-C")
    .option("--since <time>", "start at 10m, 2h, 1d ago, a date or epoch seconds")
    .option(
      "--from <position>",
      "TRIM_HORIZON (the default), LATEST or a sequence number, which prints its shard alone",
    )
    .option("--limit <n>", "stop after n records", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--json", "print shard, sequence number, key and time with each record, data in base64")
    .action(async (streamName: string, flags: TailFlags) => {
      const { positionOf, tailStream } = await import("./tail.ts");
      const { follow = false, limit, json = false } = flags;
      const position = positionOf(flags.since, flags.from, Date.now());
      await withCluster(flags, (connection) =>
        tailStream(connection, streamName, { follow, position, limit, json }, signal),
      );
    });
}
