import type { Clock } from "@millrace/base";

/** Resolves when `work` does, or after `limitMs`; leaves no timer behind that would keep the process alive. */
export async function within(clock: Clock, work: Promise<void>, limitMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.schedule(limitMs, resolve);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
