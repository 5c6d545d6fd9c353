/**
 * Keeps the processes of a local cluster running: starts them, starts a dead one again after two
 * seconds, and stops them all together. Data safety does not rest on it: kill it, and the nodes die
 * or go on, and the next start finds everything.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";

export const RESTART_DELAY_MS = 2000;

export interface SupervisedProcess {
  readonly name: string;
  /** Program arguments after the Node executable. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** File that standard output and error are appended to. */
  readonly logFile: string;
  /**
   * Stops before the others: it serves callers with what the others hold, and would wait in vain for
   * them to finish its work once they are gone. @default false
   */
  readonly stopsFirst?: boolean;
}

export interface SupervisorEvents {
  started(name: string, pid: number): void;
  /** A process ended by itself; `restarting` tells whether it will be started again. */
  ended(name: string, how: string, restarting: boolean): void;
}

export class Supervisor {
  readonly #events: SupervisorEvents;
  readonly #restart: boolean;
  readonly #children = new Map<string, ChildProcess>();
  readonly #stopsFirst = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(options: { readonly restart: boolean; readonly events: SupervisorEvents }) {
    this.#restart = options.restart;
    this.#events = options.events;
  }

  start(one: SupervisedProcess): void {
    if (this.#stopping) return;
    const log = openSync(one.logFile, "a", 0o600);
    const child = spawn(process.execPath, [...one.arguments], {
      // A group of its own: a terminal sends Ctrl-C to the whole foreground group, and a node that
      // got it together with our SIGTERM would count two and end at once, leaders not handed over.
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...one.environment },
    });
    closeSync(log);
    this.#children.set(one.name, child);
    if (one.stopsFirst === true) this.#stopsFirst.add(one.name);
    if (child.pid !== undefined) this.#events.started(one.name, child.pid);
    child.once("error", (error) => this.#onEnd(one, child, error.message));
    child.once("exit", (code, signal) =>
      this.#onEnd(one, child, signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  }

  pid(name: string): number | undefined {
    return this.#children.get(name)?.pid;
  }

  /** Asks every process to stop, in order, and ends those that have not after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const killer = setTimeout(() => this.kill(), graceMs);
    const entries = [...this.#children];
    const isFirst = ([name]: readonly [string, ChildProcess]) => this.#stopsFirst.has(name);
    await terminate(entries.filter(isFirst));
    await terminate(entries.filter((entry) => !isFirst(entry)));
    clearTimeout(killer);
  }

  /** Ends every process now, without grace: for when this process itself must end. */
  kill(): void {
    this.#stopping = true;
    for (const child of this.#children.values()) child.kill("SIGKILL");
  }

  #onEnd(one: SupervisedProcess, child: ChildProcess, how: string): void {
    if (this.#children.get(one.name) !== child) return;
    this.#children.delete(one.name);
    if (this.#stopping) return;
    this.#events.ended(one.name, how, this.#restart);
    if (!this.#restart) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.start(one);
    }, RESTART_DELAY_MS);
    this.#timers.add(timer);
  }
}

async function terminate(entries: readonly (readonly [string, ChildProcess])[]): Promise<void> {
  const running = entries.filter(
    ([, child]) => child.exitCode === null && child.signalCode === null,
  );
  const exits = running.map(
    ([, child]) => new Promise<void>((resolve) => child.once("exit", () => resolve())),
  );
  for (const [, child] of running) child.kill("SIGTERM");
  await Promise.all(exits);
}
