/** Waits of the tests that hit processes, each with its bound. */
import type { LocalCluster } from "@millrace/bench";

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Milliseconds until `check` holds. @throws when it does not within `deadlineMs`. */
export async function until(
  what: string,
  deadlineMs: number,
  check: () => boolean | Promise<boolean>,
): Promise<number> {
  const started = performance.now();
  while (!(await check())) {
    if (performance.now() - started > deadlineMs)
      throw new Error(`${what}: not within ${deadlineMs} ms`);
    await pause(20);
  }
  return Math.round(performance.now() - started);
}

/** Three nodes and the gateway say that they are ready. */
export async function allReady(cluster: LocalCluster): Promise<boolean> {
  try {
    const { nodes } = await cluster.status();
    return nodes.length === 4 && nodes.every((node) => node.state === "ready");
  } catch {
    return false; // the command itself needs a coordinator
  }
}
