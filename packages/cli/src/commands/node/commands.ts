/** `millrace node …`: which nodes there are, and taking one out of service or back. */
import { join } from "node:path";

import type { Command } from "commander";

import { DEFAULT_DATA_DIRECTORY } from "../../cluster-file.ts";
import { withCluster } from "../../connect.ts";
import type { ClusterOptions, OutputOptions } from "../../options.ts";
import { wholeNumber, withClusterOptions, withOutputOption } from "../../options.ts";

interface RebalanceFlags extends NodeFlags {
  readonly dryRun?: boolean;
  readonly cancel?: boolean;
}

interface NodeFlags extends ClusterOptions, OutputOptions {
  readonly clusterSecretFile?: string;
  readonly wait: boolean;
}

const nodeNumber = wholeNumber(1, 65_535);

/** Verbs that change what a node is for, with what they say of themselves. */
const VERBS = {
  drain:
    "give the node's leaderships away and put nothing on it that others can hold, as before an upgrade",
  undrain: "put a drained node back into service",
  decommission: "drain the node and move its replicas to others, until it can be switched off",
  cancel: "stop emptying a node, and put it back into service",
  replace:
    "make the replicas of a node that is gone for good elsewhere, now instead of in 15 minutes",
} as const;
export type NodeVerb = keyof typeof VERBS;

export function addNodeCommands(program: Command, signal: AbortSignal): void {
  const node = program.command("node").description("nodes: list, drain, empty, replace, even out");
  withOutputOption(withClusterOptions(node.command("list")))
    .description("list nodes with what they are for and how many replicas they hold")
    .action(async (flags: NodeFlags) => {
      const { printNodes } = await import("./list.ts");
      await withCluster(flags, async (connection) => printNodes(connection, flags.output));
    });
  withSecretOption(withOutputOption(withClusterOptions(node.command("rebalance"))))
    .description("even out replicas and leaders over the nodes, for instance after one was added")
    .option("--dry-run", "show what would move, and change nothing")
    .option("--cancel", "end what is under way, and take back the moves that still can be")
    .option("--no-wait", "return when the order is committed, not when it is carried out")
    .action(async (flags: RebalanceFlags) => {
      const { rebalance } = await import("./rebalance.ts");
      await withCluster(withSecret(flags), (connection) =>
        rebalance(connection, { ...flags, signal }),
      );
    });
  for (const verb of Object.keys(VERBS) as NodeVerb[]) {
    withSecretOption(withOutputOption(withClusterOptions(node.command(verb))))
      .description(VERBS[verb])
      .argument("<nodeId>", "the node's id", nodeNumber)
      .option("--no-wait", "return when the order is committed, not when it is carried out")
      .action(async (nodeId: number, flags: NodeFlags) => {
        const { changeNode } = await import("./change.ts");
        await withCluster(withSecret(flags), (connection) =>
          changeNode(connection, { verb, nodeId, ...flags, signal }),
        );
      });
  }
}

function withSecretOption(command: Command): Command {
  return command.option(
    "--cluster-secret-file <file>",
    "the secret that every process was started with (default: cluster.secret in --data)",
  );
}

function withSecret<Flags extends NodeFlags>(flags: Flags) {
  const clusterSecretFile =
    flags.clusterSecretFile ?? join(flags.data ?? DEFAULT_DATA_DIRECTORY, "cluster.secret");
  return { ...flags, clusterSecretFile };
}
