/**
 * A real cluster whose processes can be hit one by one: stopped and kept down, started again, sent
 * signals, and given networks and disks of their own.
 *
 * `millrace local`, which the end-to-end tests run, starts a dead process again whatever a test wants
 * with it meanwhile; here a node that a test has stopped stays down, and one that ends by itself is
 * started again, as by any supervisor. Only processes that were started here are ever signalled.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { clusterSecret, formCluster, MillraceClient, nodePorts } from "@millrace/client";
import type { NodeStatus } from "@millrace/client";
import { CLUSTER_KEY_ID } from "@millrace/model";

import { pause, until } from "../../e2e/support/waiting.ts";
import { NodeProcess } from "./node-process.ts";
import { planProcesses } from "./process-plan.ts";
import type { ProcessPlan } from "./process-plan.ts";

const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;

/** Address to address, of the nodes that dial another way than metadata says. */
export type Detours = Readonly<Record<string, string>>;

export interface FaultClusterOptions {
  /** @default 3 */
  readonly nodes?: number;
  /** Further settings of every process, by flag name without dashes. */
  readonly set?: Readonly<Record<string, string>>;
  /** Puts proxies between the nodes, once their ports are known; the answer is by process name. */
  readonly detours?: (plans: readonly ProcessPlan[]) => Promise<ReadonlyMap<string, Detours>>;
}

export class FaultCluster {
  readonly dataDir: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Of a process of the cluster: sees all of metadata. */
  readonly client: MillraceClient;
  /** Names of the nodes, without the gateway. */
  readonly nodes: readonly string[];
  readonly #processes: ReadonlyMap<string, NodeProcess>;
  readonly #killAll: () => void;

  private constructor(
    dataDir: string,
    processes: ReadonlyMap<string, NodeProcess>,
    credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
    client: MillraceClient,
    killAll: () => void,
  ) {
    this.dataDir = dataDir;
    this.#processes = processes;
    this.credentials = credentials;
    this.client = client;
    this.#killAll = killAll;
    this.nodes = [...processes.keys()].filter((name) => name !== "gateway");
    this.endpoint = `http://127.0.0.1:${processes.get("gateway")?.plan.ports.aws}`;
  }

  static async start(options: FaultClusterOptions = {}): Promise<FaultCluster> {
    const dataDir = mkdtempSync(join(tmpdir(), "millrace-faults-"));
    const secretFile = join(dataDir, "cluster.secret");
    const secret = clusterSecret(secretFile);
    const plans = await planProcesses(dataDir, options.nodes ?? 3);
    const detours = (await options.detours?.(plans)) ?? new Map<string, Detours>();
    const processes = new Map<string, NodeProcess>();
    const killAll = () => {
      for (const one of processes.values()) one.signal("SIGKILL");
    };
    process.once("exit", killAll); // a test that is cut off leaves nothing running
    try {
      for (const plan of plans) {
        const own = detours.get(plan.name);
        const set = { ...options.set, ...detoursSetting(dataDir, plan.name, own) };
        const one = new NodeProcess(plan, { "cluster-secret-file": secretFile, ...set }, dataDir);
        processes.set(plan.name, one);
        one.start();
      }
      const formed = await form(plans, secretFile);
      const client = new MillraceClient({
        ...nodePorts(),
        endpoints: voters(plans).map(({ ports }) => `127.0.0.1:${ports.rpc}`),
        credentials: { accessKeyId: CLUSTER_KEY_ID, secret, region: "cluster" },
        scope: "internal",
      });
      const cluster = new FaultCluster(dataDir, processes, formed, client, killAll);
      await client.ready(READY_MS_MAX);
      await until("all processes ready", READY_MS_MAX, () => cluster.allReady());
      return cluster;
    } catch (error) {
      await Promise.all([...processes.values()].map((one) => one.stop("SIGKILL")));
      process.off("exit", killAll);
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  /** @throws when no process has this name. */
  process(name: string): NodeProcess {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`no process ${name} was started`);
    return found;
  }

  pid(name: string): number {
    return this.process(name).pid;
  }

  /** Sends a signal; does nothing to a process that is down. One that dies is started again. */
  kill(name: string, signal: NodeJS.Signals = "SIGKILL"): void {
    this.process(name).signal(signal);
  }

  /** Ends a node, which stays down until `start`. */
  stopNode(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    return this.process(name).stop(signal);
  }

  startNode(name: string): void {
    this.process(name).start();
  }

  nodeDirectory(name: string): string {
    return this.process(name).plan.dataDir;
  }

  /** What a node says of itself; undefined while it does not answer. */
  async status(name: string): Promise<NodeStatus | undefined> {
    const { ports } = this.process(name).plan;
    try {
      return await this.client.admin.nodeStatus(`127.0.0.1:${ports.rpc}`);
    } catch {
      return undefined;
    }
  }

  /**
   * Shards that each node leads. A leader that was deposed and does not know it yet counts for nothing:
   * the one of the highest term leads.
   */
  async leads(): Promise<ReadonlyMap<string, number>> {
    const leaders = new Map<number, { readonly name: string; readonly term: number }>();
    const statuses = await Promise.all(this.nodes.map((name) => this.status(name)));
    for (const [at, name] of this.nodes.entries()) {
      for (const { groupId, kind, role, term } of statuses[at]?.groups ?? []) {
        const isLeader = kind === "shard" && role === "leader";
        if (isLeader && term > (leaders.get(groupId)?.term ?? 0))
          leaders.set(groupId, { name, term });
      }
    }
    const led = new Map(this.nodes.map((name) => [name, 0]));
    for (const { name } of leaders.values()) led.set(name, (led.get(name) ?? 0) + 1);
    return led;
  }

  /** Numbers of the /metrics page by name; those of one name are added up. */
  async metrics(name: string): Promise<ReadonlyMap<string, number>> {
    const text = await this.process(name).admin("GET", "/metrics");
    const found = new Map<string, number>();
    for (const [, metric = "", value] of text.body.matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)) {
      found.set(metric, (found.get(metric) ?? 0) + Number(value));
    }
    return found;
  }

  async isReady(name: string): Promise<boolean> {
    try {
      return (await this.process(name).admin("GET", "/health/ready")).status === 200;
    } catch {
      return false;
    }
  }

  async allReady(): Promise<boolean> {
    const answers = await Promise.all(
      [...this.#processes.keys()].map((name) => this.isReady(name)),
    );
    return answers.every(Boolean);
  }

  logOf(name: string): string {
    return readFileSync(this.process(name).logFile, "utf8");
  }

  /** Copies the logs of all processes, so that a problem can be looked into. */
  keepLogs(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(this.dataDir, "logs"), folder, { recursive: true });
    console.log(`logs are in ${folder}`);
  }

  /** Stops all processes, the gateway first, and removes the data. */
  async remove(): Promise<void> {
    await this.client.close();
    const killer = setTimeout(this.#killAll, STOP_MS_MAX);
    for (const one of this.#processes.values()) one.signal("SIGCONT");
    await this.process("gateway").stop("SIGTERM");
    await Promise.all(this.nodes.map((name) => this.stopNode(name, "SIGTERM")));
    clearTimeout(killer);
    process.off("exit", this.#killAll);
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function voters(plans: readonly ProcessPlan[]): readonly ProcessPlan[] {
  return plans.filter(({ name }) => name !== "gateway");
}

function detoursSetting(
  dataDir: string,
  name: string,
  detours: Detours | undefined,
): Readonly<Record<string, string>> {
  if (detours === undefined) return {};
  const file = join(dataDir, `${name}-detours.json`);
  writeFileSync(file, JSON.stringify(detours));
  return { "test-detours-file": file };
}

async function form(plans: readonly ProcessPlan[], clusterSecretFile: string) {
  const init = {
    voters: voters(plans).map(({ nodeId, ports }) => ({
      nodeId,
      rpc: `127.0.0.1:${ports.rpc}`,
      data: `127.0.0.1:${ports.data}`,
      admin: `127.0.0.1:${ports.admin}`,
    })),
    account: "000000000000",
    region: "us-east-1",
    limits: "unlimited",
    clusterSecretFile,
  };
  const endsAtMs = performance.now() + READY_MS_MAX;
  for (;;) {
    try {
      return await formCluster(init);
    } catch (error) {
      if (performance.now() > endsAtMs) throw error;
      await pause(100); // the ports do not listen yet; repeating is harmless before the first success
    }
  }
}
