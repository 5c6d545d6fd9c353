/** Which processes a cluster of the fault tests has, and on which ports of 127.0.0.1. */
import { createServer } from "node:net";
import { join } from "node:path";

const GATEWAY_NODE_ID = 101;
/** Above the ports of `millrace local`, below those that the system gives to outgoing connections. */
const FIRST_PORT = 30_000;
const LAST_PORT = 32_700;

export interface ProcessPlan {
  /** `node-1`, …, `gateway`. */
  readonly name: string;
  readonly nodeId: number;
  readonly dataDir: string;
  readonly ports: {
    readonly rpc: number;
    readonly data: number;
    readonly admin: number;
    readonly aws: number;
  };
  /** Rpc addresses of the nodes. */
  readonly join: readonly string[];
}

/** Nodes 1..n and one gateway. */
export async function planProcesses(
  dataDir: string,
  nodes: number,
): Promise<readonly ProcessPlan[]> {
  const ports = await freePorts(nodes * 3 + 3);
  const take = (): number => {
    const port = ports.pop();
    if (port === undefined) throw new Error("more ports are needed than were looked for");
    return port;
  };
  const names = [...Array.from({ length: nodes }, (_, index) => `node-${index + 1}`), "gateway"];
  const plans = names.map((name, index) => {
    const isGateway = name === "gateway";
    return {
      name,
      nodeId: isGateway ? GATEWAY_NODE_ID : index + 1,
      dataDir: join(dataDir, name),
      ports: {
        rpc: take(),
        data: isGateway ? 0 : take(),
        admin: take(),
        aws: isGateway ? take() : 0,
      },
    };
  });
  const addresses = plans.slice(0, nodes).map((plan) => `127.0.0.1:${plan.ports.rpc}`);
  return plans.map((plan) => ({ ...plan, join: addresses }));
}

/** Looked for from a place that differs per process, so that two runs do not take each other's. */
async function freePorts(count: number): Promise<number[]> {
  const span = LAST_PORT - FIRST_PORT;
  const start = (process.pid * 37 + Math.floor(performance.now())) % span;
  const found: number[] = [];
  for (let step = 0; step < span && found.length < count; step++) {
    const port = FIRST_PORT + ((start + step) % span);
    if (await isFree(port)) found.push(port);
  }
  if (found.length < count) throw new Error(`fewer than ${count} ports are free`);
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
