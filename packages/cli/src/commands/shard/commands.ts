/** `millrace shard …`: which shards a stream has, and giving one's keys to two, or two's to one. */
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";

import { HASH_KEY_MAX, parseShardId } from "@millrace/model";

import { withCluster } from "../../connect.ts";
import type { ClusterOptions, OutputOptions } from "../../options.ts";
import { withClusterOptions, withOutputOption } from "../../options.ts";

interface ReshardFlags extends ClusterOptions {
  readonly wait: boolean;
}
interface SplitFlags extends ReshardFlags {
  readonly at?: bigint;
}

export function addShardCommands(program: Command, signal: AbortSignal): void {
  const shard = program.command("shard").description("shards of a stream: list, split, merge");
  withOutputOption(withClusterOptions(shard.command("list <stream>")))
    .description("list a stream's shards with state, hash keys, parents and leader")
    .action(async (stream: string, flags: ClusterOptions & OutputOptions) => {
      const { listShards } = await import("./list.ts");
      await withCluster(flags, async (connection) => listShards(connection, stream, flags.output));
    });
  withClusterOptions(shard.command("split <stream>"))
    .description("let two new shards take over from one; its records stay readable")
    .argument("<shard>", "for example shardId-000000000002, or 2", shardNumber)
    .option("--at <hashKey>", "first hash key of the upper one (default: the middle)", hashKeyOf)
    .option("--no-wait", "return when the order is committed, not when it is carried out")
    .action(async (stream: string, index: number, flags: SplitFlags) => {
      const { splitShard } = await import("./reshard.ts");
      await withCluster(flags, async (connection) =>
        splitShard(connection, stream, index, { ...flags, signal }),
      );
    });
  withClusterOptions(shard.command("merge <stream>"))
    .description("let one new shard take over from two neighbours; their records stay readable")
    .argument("<shard>", "one of the two", shardNumber)
    .argument("<neighbour>", "the other, in either order", shardNumber)
    .option("--no-wait", "return when the order is committed, not when it is carried out")
    .action(async (stream: string, one: number, other: number, flags: ReshardFlags) => {
      const { mergeShards } = await import("./reshard.ts");
      await withCluster(flags, async (connection) =>
        mergeShards(connection, stream, [one, other], { ...flags, signal }),
      );
    });
  withClusterOptions(shard.command("cancel <stream>"))
    .description("take back a split or merge of which no shard is being sealed yet")
    .action(async (stream: string, flags: ClusterOptions) => {
      const { cancelReshard } = await import("./reshard.ts");
      await withCluster(flags, async (connection) => cancelReshard(connection, stream));
    });
}

function shardNumber(text: string): number {
  const index = parseShardId(text);
  if (index !== undefined) return index;
  throw new InvalidArgumentError("It must be a shard id, for example shardId-000000000002, or 2.");
}

function hashKeyOf(text: string): bigint {
  if (/^\d{1,39}$/.test(text) && BigInt(text) <= HASH_KEY_MAX) return BigInt(text);
  throw new InvalidArgumentError("It must be a whole number in 0..2^128-1.");
}
