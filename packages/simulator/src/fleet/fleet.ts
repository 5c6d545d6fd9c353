/**
 * Processes that run seeds side by side: a run is one thread's work, and a seed that loops for ever
 * must not take the others with it.
 */
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import type { Job, Outcome } from "./job.ts";

/**
 * Real milliseconds of one job, beyond which its process is ended. That says nothing about the system: events
 * are bounded by the scheduler, and how long they take depends on what else the machine does.
 */
const JOB_MS_MAX = 900_000;
const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

interface Waiting {
  readonly job: Job;
  readonly done: (outcome: Outcome) => void;
}

export class Fleet {
  readonly #size: number;
  readonly #idle: ChildProcess[] = [];
  readonly #busy = new Set<ChildProcess>();
  readonly #queue: Waiting[] = [];
  #closed = false;

  /** @param size Processes, 1..64. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Waits for a free process. Never rejects: a run that ends its process is a failed one. */
  run(job: Job): Promise<Outcome> {
    return new Promise((done) => {
      this.#queue.push({ job, done });
      this.#pump();
    });
  }

  /** Runs all jobs and hands over each outcome as it comes. */
  async runAll(jobs: Iterable<Job>, each: (outcome: Outcome) => void): Promise<void> {
    const source = jobs[Symbol.iterator]();
    const lane = async (): Promise<void> => {
      for (let next = source.next(); next.done !== true; next = source.next()) {
        each(await this.run(next.value));
      }
    };
    await Promise.all(Array.from({ length: this.#size }, lane));
  }

  close(): void {
    this.#closed = true;
    for (const child of [...this.#idle, ...this.#busy]) child.kill("SIGKILL");
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      const child = this.#idle.pop() ?? this.#start();
      if (child === undefined) return;
      const waiting = this.#queue.shift();
      if (waiting !== undefined) this.#give(child, waiting);
    }
  }

  #start(): ChildProcess | undefined {
    if (this.#closed || this.#busy.size + this.#idle.length >= this.#size) return undefined;
    return fork(WORKER);
  }

  #give(child: ChildProcess, { job, done }: Waiting): void {
    this.#busy.add(child);
    let isOver = false;
    const over = (outcome: Outcome, isUsable: boolean): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      child.removeAllListeners();
      this.#busy.delete(child);
      if (isUsable) this.#idle.push(child);
      else child.kill("SIGKILL");
      done(outcome);
      this.#pump();
    };
    const timer = setTimeout(() => {
      const gaveUp = `machine too slow: no end within ${JOB_MS_MAX} ms of real time`;
      over({ ...brokenOff(job, []), gaveUp }, false);
    }, JOB_MS_MAX);
    child.once("message", (outcome: Outcome) => over(outcome, true));
    child.once("exit", (code, signal) => {
      over(brokenOff(job, [`the process of the run ended: ${signal ?? code}`]), false);
    });
    child.send(job);
  }
}

function brokenOff(job: Job, violations: readonly string[]): Outcome {
  return {
    job,
    violations,
    acknowledged: 0,
    faults: [],
    events: 0,
    virtualMs: 0,
    traceHash: "",
    failure: { options: "", faultList: [], lastLines: [] },
  };
}
