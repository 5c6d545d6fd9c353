/** A node's standing in its cluster, as the server's session keeps it: registered, then a heartbeat a second. */
import type { Clock } from "@millrace/base";
import type { AdminClient } from "@millrace/client";

import { addressesOf, hostOfNode, ROLES } from "./addresses.ts";

const HEARTBEAT_MS = 1000;

export interface HeartbeatDeps {
  readonly nodeId: number;
  readonly clock: Clock;
  readonly admin: AdminClient;
  readonly identity: { readonly incarnation: string; readonly bootEpoch: number };
}

export class Heartbeats {
  readonly #deps: HeartbeatDeps;
  #registered = false;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  start(): void {
    const again = (): void => {
      const delayMs = this.#registered ? HEARTBEAT_MS : HEARTBEAT_MS / 5;
      this.#deps.clock.schedule(delayMs, () => this.start());
    };
    // A failure, such as an election, is tried again like everything else.
    this.#exchange().then(again, again);
  }

  async #exchange(): Promise<void> {
    const { nodeId, admin, clock, identity } = this.#deps;
    const { incarnation, bootEpoch } = identity;
    if (!this.#registered) {
      await admin.registerNode({
        nodeId,
        incarnation,
        bootEpoch,
        roles: ROLES,
        host: hostOfNode(nodeId),
        zone: "",
        addresses: addressesOf(nodeId),
        pid: 1,
        dataDir: "/",
        version: "0",
      });
      this.#registered = true;
    }
    const beat = { nodeId, incarnation, bootEpoch, state: "ready" as const, nowMs: clock.nowMs() };
    const { registerAgain } = await admin.heartbeat(beat);
    if (registerAgain) this.#registered = false;
  }
}
