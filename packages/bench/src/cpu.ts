/** CPU time of processes, read from /proc, so that a figure can say where the time went. */
import { readFileSync } from "node:fs";

/** Clock ticks per second of /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process so far, milliseconds; NaN where there is no /proc or no such process. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

/** CPU time of each named process between two moments. */
export class CpuMeter {
  readonly #pids: ReadonlyMap<string, number>;
  readonly #before: ReadonlyMap<string, number>;

  constructor(pids: ReadonlyMap<string, number>) {
    this.#pids = pids;
    this.#before = this.#read();
  }

  /** Milliseconds of CPU by process name since the meter was made. */
  spent(): ReadonlyMap<string, number> {
    const now = this.#read();
    return new Map(
      [...now].map(([name, ms]) => [name, ms - (this.#before.get(name) ?? Number.NaN)]),
    );
  }

  #read(): ReadonlyMap<string, number> {
    return new Map([...this.#pids].map(([name, pid]) => [name, cpuMs(pid)]));
  }
}
