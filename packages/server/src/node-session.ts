/**
 * A process's standing in its cluster: registered at each start, kept alive by a heartbeat a second.
 *
 * Placement counts on it, data safety does not: a node that cannot reach the coordinator goes on
 * serving what it has.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { AdminClient, NodeHeartbeat, RegisterNode } from "@millrace/client";

export const HEARTBEAT_MS = 1000;
/** A node whose heartbeats were not answered for so long calls itself not ready. */
export const SILENCE_MS_MAX = 5000;

export interface NodeSessionDeps {
  readonly admin: Pick<AdminClient, "registerNode" | "heartbeat">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registration: () => RegisterNode;
  readonly state: () => NodeHeartbeat["state"];
  /**
   * Writes down which cluster this disk belongs to, so that it can neither form nor join another.
   * Rejects for the disk of another cluster; the node is not alive then.
   */
  readonly joined: (clusterId: string) => Promise<void>;
}

export class NodeSession {
  readonly #deps: NodeSessionDeps;
  #timer: Timer | undefined;
  #registered = false;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #lastFailure = "";

  constructor(deps: NodeSessionDeps) {
    this.#deps = deps;
  }

  /** The coordinator's leader knows this process and answered a moment ago. */
  get alive(): boolean {
    const silentMs = this.#deps.clock.monotonicMs() - this.#answeredMs;
    return this.#registered && silentMs <= SILENCE_MS_MAX;
  }

  start(): void {
    this.#beat();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Registers again at the next beat: an address or a role has changed. */
  renew(): void {
    this.#registered = false;
  }

  #beat(): void {
    this.#exchange().then(
      () => this.#next(true),
      (error: unknown) => this.#failed(error),
    );
  }

  async #exchange(): Promise<void> {
    const { admin, registration, clock, state, joined } = this.#deps;
    if (!this.#registered) {
      const { clusterId } = await admin.registerNode(registration());
      await joined(clusterId);
      this.#registered = true;
    }
    const { nodeId, incarnation, bootEpoch } = registration();
    const beat = { nodeId, incarnation, bootEpoch, state: state(), nowMs: clock.nowMs() };
    const answer = await admin.heartbeat(beat);
    if (answer.registerAgain) this.#registered = false;
  }

  #failed(thrown: unknown): void {
    const { code, message } = asStreamError(thrown);
    // Each new reason once: an election makes the same one repeat every second.
    if (message !== this.#lastFailure && !this.#stopped) {
      this.#deps.logger.warn("the coordinator did not take the heartbeat", {
        code,
        reason: message,
      });
    }
    this.#lastFailure = message;
    this.#next(false);
  }

  #next(answered: boolean): void {
    const { clock } = this.#deps;
    if (answered) {
      this.#answeredMs = clock.monotonicMs();
      this.#lastFailure = "";
    }
    if (this.#stopped) return;
    const delayMs = this.#registered ? HEARTBEAT_MS : HEARTBEAT_MS / 5;
    this.#timer = clock.schedule(delayMs, () => this.#beat());
  }
}
