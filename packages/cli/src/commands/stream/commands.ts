import type { Command } from "commander";

import { withCluster } from "../../connect.ts";
import type { ClusterOptions, OutputOptions } from "../../options.ts";
import { wholeNumber, withClusterOptions, withOutputOption } from "../../options.ts";
import { createStream } from "./create.ts";
import { deleteStream } from "./delete.ts";
import { describeStream } from "./describe.ts";
import { listStreams } from "./list.ts";

/** `stream create|list|describe|delete`. */
export function addStreamCommands(program: Command): void {
  const stream = program.command("stream").description("make and look at streams");
  withClusterOptions(stream.command("create <name>"))
    .description("create a stream and wait until it takes records")
    .option("--shards <n>", "shards, 1..10000", wholeNumber(1, 10_000), 1)
    .option("--retention-hours <n>", "how long records stay, 24..8760", wholeNumber(24, 8760))
    .action((name: string, flags: ClusterOptions & { shards: number; retentionHours?: number }) =>
      withCluster(flags, (connection) =>
        createStream(connection, name, {
          shards: flags.shards,
          retentionHours: flags.retentionHours,
        }),
      ),
    );
  withOutputOption(withClusterOptions(stream.command("list")))
    .description("list all streams")
    .action((flags: ClusterOptions & OutputOptions) =>
      withCluster(flags, (connection) => listStreams(connection, flags.output)),
    );
  withOutputOption(withClusterOptions(stream.command("describe <name>")))
    .description("show one stream and its shards")
    .action((name: string, flags: ClusterOptions & OutputOptions) =>
      withCluster(flags, (connection) => describeStream(connection, name, flags.output)),
    );
  withClusterOptions(stream.command("delete <name>"))
    .description("delete a stream with all its records")
    .action((name: string, flags: ClusterOptions) =>
      withCluster(flags, (connection) => deleteStream(connection, name)),
    );
}
