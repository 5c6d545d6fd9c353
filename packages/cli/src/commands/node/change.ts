/** Orders a node out of service or back, and shows how far it has come. */
import { asStreamError, sleep, StreamError } from "@millrace/base";
import { nodePorts } from "@millrace/client";
import type { NodeGoal } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import type { OutputFormat } from "../../output.ts";
import { print, remark } from "../../output.ts";
import type { NodeVerb } from "./commands.ts";
import type { NodeLine } from "./list.ts";
import { nodeLines } from "./list.ts";

const LOOK_MS = 250;
const NODE_DEADLINE_MS = 2_000;

const GOALS: Record<NodeVerb, Exclude<NodeGoal, "removed">> = {
  drain: "drain",
  undrain: "serve",
  decommission: "decommission",
  cancel: "serve",
  replace: "decommission",
};

export interface NodeOrder {
  readonly verb: NodeVerb;
  readonly nodeId: number;
  readonly output: OutputFormat;
  /** Until the node holds no replica any more. */
  readonly wait: boolean;
  readonly signal: AbortSignal;
}

/** @throws StreamError `not-found`, `wrong-state`, `limit-exceeded` when the others have no room. */
export async function changeNode(connection: Connection, order: NodeOrder): Promise<void> {
  const { client } = connection;
  const { verb, nodeId, signal } = order;
  if (verb === "replace") await requireDown(connection, nodeId);
  await client.admin.setNodeGoal(nodeId, GOALS[verb]);
  const { clock } = nodePorts();
  let shown = -1;
  while (order.wait && GOALS[verb] === "decommission" && !signal.aborted) {
    const line = lineOf(connection, nodeId);
    if (line.goal !== "decommission") break; // removed, or taken back by somebody else
    if (line.replicas !== shown) remark(`node ${nodeId}: ${line.replicas} replicas left`);
    shown = line.replicas;
    await sleep(clock, LOOK_MS);
  }
  const line = lineOf(connection, nodeId);
  print(order.output, line, () => [
    { rows: [{ ...line, roles: line.roles.join(",") }], empty: "" },
  ]);
}

function lineOf({ client }: Connection, nodeId: number): NodeLine {
  const line = nodeLines(client.view).find(({ id }) => id === nodeId);
  if (line !== undefined) return line;
  throw new StreamError("not-found", `node ${nodeId} is not known`);
}

/** A node that answers is emptied by `decommission`, which it can help with. */
async function requireDown({ client }: Connection, nodeId: number): Promise<void> {
  const address = client.view.node(nodeId)?.addresses.rpc;
  if (address === undefined) throw new StreamError("not-found", `node ${nodeId} is not known`);
  try {
    await client.admin.nodeStatus(address, NODE_DEADLINE_MS);
  } catch (error) {
    // Silence alone is a sign of death: a node that refuses the call is there.
    const { code } = asStreamError(error);
    if (code === "unavailable" || code === "deadline") return;
    throw error;
  }
  throw new StreamError(
    "wrong-state",
    `node ${nodeId} answers at ${address}: use "millrace node decommission ${nodeId}"`,
  );
}
