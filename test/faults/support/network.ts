/** Proxies between all nodes of a cluster: what A sends to B passes one direction, whoever dialled. */
import type { Detours } from "./fault-cluster.ts";
import type { ProcessPlan } from "./process-plan.ts";
import { openDirection, TcpProxy } from "./tcp-proxy.ts";
import type { Direction } from "./tcp-proxy.ts";

interface Route {
  readonly from: string;
  readonly to: string;
  readonly proxy: TcpProxy;
}

export class Network {
  readonly #directions = new Map<string, Direction>();
  readonly #routes: Route[] = [];

  direction(from: string, to: string): Direction {
    const key = `${from} ${to}`;
    const found = this.#directions.get(key) ?? openDirection();
    this.#directions.set(key, found);
    return found;
  }

  cut(from: string, to: string): void {
    this.direction(from, to).isCut = true;
  }

  mend(): void {
    for (const direction of this.#directions.values()) Object.assign(direction, openDirection());
  }

  /** Resets what the two have between them; returns the number of connections. */
  reset(one: string, other: string): number {
    return this.#between(one, other).reduce((sum, { proxy }) => sum + proxy.reset(), 0);
  }

  /** Leaves what the two have between them half-open; returns the number of connections. */
  freeze(one: string, other: string): number {
    return this.#between(one, other).reduce((sum, { proxy }) => sum + proxy.freeze(), 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#routes.map(({ proxy }) => proxy.close()));
  }

  #between(one: string, other: string): readonly Route[] {
    return this.#routes.filter(
      ({ from, to }) => (from === one && to === other) || (from === other && to === one),
    );
  }

  /** Puts a proxy in every way. The gateway, like any caller, is outside of this network. */
  async build(plans: readonly ProcessPlan[]): Promise<ReadonlyMap<string, Detours>> {
    const nodes = plans.filter(({ name }) => name !== "gateway");
    const detours = new Map<string, Detours>();
    for (const { name: from } of nodes) {
      const own: Record<string, string> = {};
      for (const { name: to, ports } of nodes.filter(({ name }) => name !== from)) {
        for (const port of [ports.rpc, ports.data]) {
          const there = this.direction(from, to);
          const proxy = await TcpProxy.start(port, there, this.direction(to, from));
          this.#routes.push({ from, to, proxy });
          own[`127.0.0.1:${port}`] = proxy.address;
        }
      }
      detours.set(from, own);
    }
    return detours;
  }
}
