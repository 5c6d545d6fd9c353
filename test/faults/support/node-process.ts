/** One process of a cluster under test, with its supervisor. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "@millrace/bench";

import type { ProcessPlan } from "./process-plan.ts";

const LAUNCHER = join(ROOT, "packages", "cli", "bin", "millrace.js");
const RESTART_DELAY_MS = 1000;
const ADMIN_MS_MAX = 120_000;
/** Small files, so that faults hit the change of files, the flush and the checkpoint as well. */
const WAL_FILE_BYTES = 1024 * 1024;

export class NodeProcess {
  readonly plan: ProcessPlan;
  readonly logFile: string;
  readonly #words: readonly string[];
  #child: ChildProcess | undefined;
  #isWanted = false;
  #restart: NodeJS.Timeout | undefined;
  #starts = 0;

  constructor(plan: ProcessPlan, set: Readonly<Record<string, string>>, dataDir: string) {
    this.plan = plan;
    mkdirSync(join(dataDir, "logs"), { recursive: true });
    this.logFile = join(dataDir, "logs", `${plan.name}.log`);
    const isGateway = plan.name === "gateway";
    const settings: Readonly<Record<string, string>> = {
      "node-id": String(plan.nodeId),
      roles: isGateway ? "gateway" : "coordinator,broker",
      "data-dir": plan.dataDir,
      host: `local-${plan.nodeId}`,
      "rpc-port": String(plan.ports.rpc),
      "admin-port": String(plan.ports.admin),
      ...(isGateway
        ? { "aws-port": String(plan.ports.aws) }
        : { "data-port": String(plan.ports.data) }),
      join: plan.join.join(","),
      "wal-file-bytes": String(WAL_FILE_BYTES),
      "tail-cache-bytes": String(64 * 1024 * 1024),
      ...set,
    };
    this.#words = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value]);
  }

  /** Of the newest process. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.plan.name} was never started`);
    return pid;
  }

  /** How often the process was started so far. */
  get starts(): number {
    return this.#starts;
  }

  start(): void {
    this.#isWanted = true;
    clearTimeout(this.#restart);
    const log = openSync(this.logFile, "a", 0o600);
    const child = spawn(process.execPath, [LAUNCHER, "start", ...this.#words], {
      detached: true, // a Ctrl-C in the terminal must not stop nodes in the middle of a proof
      stdio: ["ignore", log, log],
      env: { ...cleanEnvironment(), UV_THREADPOOL_SIZE: "8" },
    });
    closeSync(log);
    this.#child = child;
    this.#starts++;
    child.once("exit", () => {
      if (this.#child !== child || !this.#isWanted) return;
      this.#restart = setTimeout(() => this.start(), RESTART_DELAY_MS);
    });
  }

  /** Does nothing to a process that is down. */
  signal(signal: NodeJS.Signals): void {
    if (isRunning(this.#child)) this.#child?.kill(signal);
  }

  /** Resolves when the process is gone; it stays down. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined || !isRunning(child)) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await gone;
  }

  /** A request to the admin port. @throws when the process does not answer. */
  async admin(
    method: "GET" | "POST",
    path: string,
  ): Promise<{ readonly status: number; readonly body: string }> {
    const url = `http://127.0.0.1:${this.plan.ports.admin}${path}`;
    const limit = method === "GET" ? 2000 : ADMIN_MS_MAX;
    const response = await fetch(url, { method, signal: AbortSignal.timeout(limit) });
    return { status: response.status, body: await response.text() };
  }
}

function isRunning(child: ChildProcess | undefined): boolean {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Without settings of ours from the shell that runs the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(AWS|MILLRACE|VITEST|NODE_OPTIONS)/.test(name),
    ),
  );
}
