/**
 * A real cluster for tests: the command that users run, in its own process group of processes, on
 * loopback, in a folder of its own. Whatever it started is stopped by the pids that it reported.
 */
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** The repository. */
export const ROOT = join(import.meta.dirname, "..", "..", "..");
const LAUNCHER = join(ROOT, "packages", "cli", "bin", "millrace.js");
const READY_DEADLINE_MS = 60_000;

export interface LocalClusterOptions {
  readonly nodes?: number;
  readonly limits?: "aws" | "unlimited";
  /** Folder of an earlier cluster to start again; by default a new one, removed by `remove`. */
  readonly dataDir?: string;
  readonly port?: number;
  /** Further settings for every process. */
  readonly set?: Readonly<Record<string, string>>;
  readonly restart?: boolean;
}

export interface ClusterStatus {
  readonly nodes: readonly {
    readonly id: number;
    readonly roles: readonly string[];
    readonly pid: number;
    readonly ports: Readonly<Record<string, number>>;
    readonly dataDir: string;
    readonly state: string;
  }[];
  readonly shards: readonly {
    readonly streamName: string;
    readonly shardId: string;
    readonly state: string;
    readonly leader: number | null;
    readonly replicas: readonly number[];
  }[];
}

export class LocalCluster {
  readonly dataDir: string;
  /** The exported lines: AWS_ENDPOINT_URL and so on. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds from the command to the ready line. */
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #pids: Map<string, number>;

  private constructor(
    child: ChildProcess,
    dataDir: string,
    environment: Readonly<Record<string, string>>,
    readyMs: number,
    pids: Map<string, number>,
  ) {
    this.#child = child;
    this.dataDir = dataDir;
    this.environment = environment;
    this.readyMs = readyMs;
    this.#pids = pids;
  }

  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "millrace-e2e-"));
    const port =
      options.port ?? 20_000 + ((process.pid * 7 + Math.floor(performance.now())) % 9000);
    const words = ["local", "--data", dataDir, "--port", String(port)];
    words.push("--nodes", String(options.nodes ?? 3), "--limits", options.limits ?? "unlimited");
    if (options.restart === false) words.push("--no-restart");
    for (const [name, value] of Object.entries(options.set ?? {}))
      words.push("--set", `${name}=${value}`);
    const startedMs = performance.now();
    const child = spawn(process.execPath, [LAUNCHER, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: cleanEnvironment(),
    });
    const pids = new Map<string, number>();
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
      for (const match of text.matchAll(/^(\S+) started, pid (\d+)$/gm)) {
        pids.set(match[1] ?? "", Number(match[2]));
      }
    });
    const output = await readyLines(child, () => errors);
    const environment = Object.fromEntries(
      [...output.matchAll(/^export (\w+)=(.*)$/gm)].map((match) => [
        match[1] ?? "",
        match[2] ?? "",
      ]),
    );
    return new LocalCluster(child, dataDir, environment, performance.now() - startedMs, pids);
  }

  get endpoint(): string {
    return this.environment["AWS_ENDPOINT_URL"] ?? "";
  }

  get endpoints(): readonly string[] {
    return (this.environment["MILLRACE_ENDPOINTS"] ?? "").split(",");
  }

  get credentials(): { readonly accessKeyId: string; readonly secretAccessKey: string } {
    return {
      accessKeyId: this.environment["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: this.environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    };
  }

  /** Newest pid of `node-1`, …, `gateway`. */
  pid(name: string): number {
    const pid = this.#pids.get(name);
    if (pid === undefined) throw new Error(`no process ${name} was started`);
    return pid;
  }

  kill(name: string, signal: NodeJS.Signals = "SIGKILL"): void {
    process.kill(this.pid(name), signal);
  }

  /** Runs `millrace …` against this cluster and returns what it printed. */
  async command(...words: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [LAUNCHER, ...words], {
      env: { ...cleanEnvironment(), ...this.environment },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  async status(): Promise<ClusterStatus> {
    return JSON.parse(await this.command("status", "-o", "json")) as ClusterStatus;
  }

  /** Ctrl-C; resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const exited = new Promise<number | null>((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGINT");
    return exited;
  }

  /** Stops, and removes the data. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Without settings of ours or AWS's from the shell that runs the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(AWS|MILLRACE|VITEST|NODE_OPTIONS)/.test(name),
    ),
  );
}

function readyLines(child: ChildProcess, errors: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (why: string) => reject(new Error(`${why}\n${output}\n${errors()}`));
    const timer = setTimeout(() => {
      child.kill("SIGINT");
      fail("the cluster was not ready in time");
    }, READY_DEADLINE_MS);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`the cluster command ended with ${code}`);
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (
        !/^Millrace is ready: http/m.test(output) ||
        !/^export MILLRACE_ENDPOINTS=.*$/m.test(output)
      )
        return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve(output);
    });
  });
}
