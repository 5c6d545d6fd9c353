import type { Clock, Timer } from "@millrace/base";

/** The machine's own time, for tests that talk over real sockets. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon(run: () => void): void {
    setImmediate(run);
  },
};
