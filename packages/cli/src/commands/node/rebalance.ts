/** Evens out replicas and leaders over the nodes: shows the plan, has it carried out, and shows how far it has come. */
import { sleep } from "@millrace/base";
import type { RebalanceResponse } from "@millrace/client";
import { nodePorts } from "@millrace/client";
import { shardId } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import type { OutputFormat } from "../../output.ts";
import { print, remark } from "../../output.ts";

const LOOK_MS = 1_000;

export interface RebalanceOrder {
  /** Shows what would be done. */
  readonly dryRun?: boolean;
  /** Ends one that is under way. */
  readonly cancel?: boolean;
  readonly output: OutputFormat;
  /** Until nothing is left to do. */
  readonly wait: boolean;
  readonly signal: AbortSignal;
}

export async function rebalance({ client }: Connection, order: RebalanceOrder): Promise<void> {
  const { signal, output } = order;
  const plan = await client.admin.rebalance(actionOf(order));
  printPlan(plan, output);
  if (order.cancel === true) return remark("cancelled: moves that are past taking back still end");
  if (order.dryRun === true || !order.wait) return;
  const { clock } = nodePorts();
  const planned = plan.moves.length;
  let shown = "";
  let now = plan;
  while (now.running && !signal.aborted) {
    const done = Math.max(0, planned - now.moves.length - now.moving);
    const text = `${done} of ${planned} moves done, ${now.moving} under way`;
    if (text !== shown) remark(text);
    shown = text;
    await sleep(clock, LOOK_MS);
    now = await client.admin.rebalance("plan");
  }
  if (now.running) remark('it goes on without this command: "--cancel" ends it');
  else remark("replicas and leaders are even");
}

function actionOf({ dryRun, cancel }: RebalanceOrder): "plan" | "start" | "cancel" {
  if (cancel === true) return "cancel";
  return dryRun === true ? "plan" : "start";
}

function printPlan(plan: RebalanceResponse, output: OutputFormat): void {
  const { running, moving, leaderChanges } = plan;
  const moves = plan.moves.map(({ streamName, shardIndex, fromNodeId, toNodeId }) => {
    return { stream: streamName, shard: shardId(shardIndex), from: fromNodeId, to: toNodeId };
  });
  print(output, { running, moving, leaderChanges, moves }, () => [
    { title: "Moves", rows: moves, empty: "no replica has to move" },
    {
      title: "Leaders",
      rows: leaderChanges === 0 ? [] : [{ "shards that get another leader": leaderChanges }],
      empty: moves.length > 0 ? "evened out when the moves are done" : "no leader has to change",
    },
  ]);
}
