import { existsSync } from "node:fs";
import { join } from "node:path";

import { StreamError } from "@millrace/base";
import type { Voter } from "@millrace/client";
import { formCluster } from "@millrace/client";
import type { Command } from "commander";

import { DEFAULT_DATA_DIRECTORY } from "../../cluster-file.ts";
import { withCluster } from "../../connect.ts";
import type { ClusterOptions, OutputOptions } from "../../options.ts";
import {
  accountId,
  regionName,
  wholeNumber,
  withClusterOptions,
  withOutputOption,
} from "../../options.ts";
import { print, remark } from "../../output.ts";
import type { SettingsFlags } from "./settings.ts";

interface InitFlags extends OutputOptions {
  readonly voters: string;
  readonly account: string;
  readonly region: string;
  readonly limits: string;
  readonly clusterSecretFile: string;
}

interface SettingsCommandFlags extends SettingsFlags, ClusterOptions, OutputOptions {
  readonly clusterSecretFile?: string;
}

/** `cluster init`, `cluster settings` and `status`. */
export function addClusterCommands(program: Command): void {
  const cluster = program.command("cluster").description("form a cluster, and set it up");
  withOutputOption(cluster.command("init"))
    .description("form a cluster, once, from a fixed list of coordinator nodes that are running")
    .requiredOption(
      "--voters <list>",
      "nodeId=host:rpcPort:dataPort:adminPort, separated by commas",
    )
    .requiredOption(
      "--cluster-secret-file <file>",
      "the secret that every process was started with",
    )
    .option("--account <id>", "account of the cluster, twelve digits", accountId, "000000000000")
    .option("--region <name>", "region of the cluster", regionName, "us-east-1")
    .option("--limits <policy>", "aws, unlimited, or custom{...}", "aws")
    .action(async (flags: InitFlags) => {
      remark("asking the voters who they are, then forming the cluster...");
      const voters = parseVoters(flags.voters);
      requireFile(flags.clusterSecretFile);
      const formed = await formCluster({ ...flags, voters });
      print(flags.output, formed, () => [{ rows: [{ ...formed }], empty: "" }]);
      remark("keep the secret key: it is shown only here");
    });
  withOutputOption(withClusterOptions(cluster.command("settings")))
    .description("show how the cluster looks after its replicas, and change what is named")
    .option(
      "--cluster-secret-file <file>",
      "the secret that every process was started with (default: cluster.secret in --data)",
    )
    .option("--replace-after <time>", "silence of a node before its replicas are made elsewhere")
    .option("--moves-max <count>", "groups that change members at one time", wholeNumber(1, 100))
    .option("--move-rate <bytes>", "what a node sends per second to replicas being made: 100MiB")
    .option("--drop-grace <time>", "how long data of deleted shards and moved replicas is kept")
    .action(async (flags: SettingsCommandFlags) => {
      const { changeSettings } = await import("./settings.ts");
      const clusterSecretFile =
        flags.clusterSecretFile ?? join(flags.data ?? DEFAULT_DATA_DIRECTORY, "cluster.secret");
      await withCluster({ ...flags, clusterSecretFile }, (connection) =>
        changeSettings(connection, flags, flags.output),
      );
    });
  withOutputOption(withClusterOptions(program.command("status")))
    .description("show nodes, and for each shard its leader and replicas")
    .action(async (flags: ClusterOptions & OutputOptions) => {
      const { printStatus } = await import("../status.ts");
      await withCluster(flags, (connection) => printStatus(connection, flags.output));
    });
}

/** A node makes the secret it does not find; here, a mistyped path must not become another secret. */
function requireFile(path: string): void {
  if (existsSync(path)) return;
  throw new StreamError(
    "invalid-argument",
    `--cluster-secret-file is ${path}, which does not exist: name the file that the nodes were started with`,
  );
}

/** @throws StreamError `invalid-argument` for an item of another form. */
export function parseVoters(text: string): readonly Voter[] {
  return text.split(",").map((item) => {
    const match = /^(\d+)=([^:,]+):(\d+):(\d+):(\d+)$/.exec(item.trim());
    const [, id, host, rpc, data, admin] = match ?? [];
    if (id === undefined) {
      throw new StreamError(
        "invalid-argument",
        `--voters has "${item}", but each must be nodeId=host:rpcPort:dataPort:adminPort`,
      );
    }
    const at = (port: string | undefined) => `${host}:${port}`;
    return { nodeId: Number(id), rpc: at(rpc), data: at(data), admin: at(admin) };
  });
}
