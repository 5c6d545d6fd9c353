/** Free ports for the processes of a local cluster, below the range that the system hands to outgoing connections. */
import { createServer } from "node:net";

import { StreamError } from "@millrace/base";

const FIRST = 20_000;
const LAST = 30_000;

/** `count` ports of 127.0.0.1 that nobody listens on, looked for from a place that differs per process. */
export async function freePorts(
  count: number,
  taken: ReadonlySet<number>,
): Promise<readonly number[]> {
  const found: number[] = [];
  const start = FIRST + ((process.pid * 37) % (LAST - FIRST));
  for (let step = 0; step < LAST - FIRST && found.length < count; step++) {
    const port = FIRST + ((start - FIRST + step) % (LAST - FIRST));
    if (!taken.has(port) && (await isFree(port))) found.push(port);
  }
  if (found.length === count) return found;
  throw new StreamError("unavailable", `fewer than ${count} ports in ${FIRST}..${LAST} are free`);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
