/**
 * Linearizable reads of metadata (S12): "my copy now holds everything that was committed when I asked".
 *
 * The coordinator's leader is asked for its commit index (ReadIndex) after the caller came, and the
 * caller goes on once the own view has reached it. Callers of one turn of the event loop share a call;
 * a caller never joins a call that was sent before it came, for its answer may be older than the question.
 */
import type { Clock, Timer } from "@millrace/base";
import { asStreamError, requireWithin, StreamError } from "@millrace/base";

import type { ViewWaiter } from "./view-waiter.ts";

export interface BarrierDeps {
  readonly clock: Clock;
  readonly waiter: ViewWaiter;
  /** The leader's commit index, tried at all endpoints until the time is over. */
  readonly readIndex: (timeoutMs: number) => Promise<number>;
  readonly limits: { readonly barriersInFlightMax: number; readonly barrierWaitersMax: number };
}

interface Caller {
  readonly endsAtMs: number;
  readonly deadlineMs: number;
  readonly timer: Timer;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: StreamError) => void;
}

export class Barrier {
  readonly #deps: BarrierDeps;
  #gathering: Caller[] = [];
  readonly #callers = new Set<Caller>();
  #inFlight = 0;
  #planned = false;
  #closed: StreamError | undefined;

  constructor(deps: BarrierDeps) {
    this.#deps = deps;
  }

  /**
   * @param deadlineMs Milliseconds from now.
   * @throws StreamError `unavailable` when there is no quorum, or the own tail lags, until the deadline;
   *   `overloaded` when too many callers wait.
   */
  wait(deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      requireWithin("deadlineMs", deadlineMs, 0, 600_000);
      const { clock, limits } = this.#deps;
      if (this.#callers.size >= limits.barrierWaitersMax) {
        throw new StreamError("overloaded", `${this.#callers.size} callers wait for a barrier`);
      }
      const caller: Caller = {
        endsAtMs: clock.monotonicMs() + deadlineMs,
        deadlineMs,
        timer: clock.schedule(deadlineMs, () => this.#settle(caller, late(deadlineMs))),
        settled: false,
        resolve,
        reject,
      };
      this.#callers.add(caller);
      this.#gathering.push(caller);
      this.#plan();
    });
  }

  close(reason: StreamError): void {
    this.#closed = reason;
    for (const caller of this.#callers) this.#settle(caller, reason);
  }

  #plan(): void {
    if (this.#planned || this.#inFlight >= this.#deps.limits.barriersInFlightMax) return;
    this.#planned = true;
    this.#deps.clock.soon(() => {
      this.#planned = false;
      const callers = this.#gathering.filter((caller) => !caller.settled);
      this.#gathering = [];
      if (callers.length > 0) void this.#ask(callers);
    });
  }

  async #ask(callers: readonly Caller[]): Promise<void> {
    const { clock, readIndex, waiter } = this.#deps;
    const endsAtMs = Math.max(...callers.map((caller) => caller.endsAtMs));
    const leftMs = () => Math.max(1, endsAtMs - clock.monotonicMs());
    let outcome: StreamError | undefined;
    this.#inFlight++;
    try {
      const index = await readIndex(leftMs()).finally(() => {
        this.#inFlight--;
        if (this.#gathering.length > 0) this.#plan();
      });
      await waiter.reach(index, leftMs());
    } catch (error) {
      outcome = unavailable(asStreamError(error));
    }
    for (const caller of callers) this.#settle(caller, outcome);
  }

  #settle(caller: Caller, error: StreamError | undefined): void {
    if (caller.settled) return;
    caller.settled = true;
    caller.timer.cancel();
    this.#callers.delete(caller);
    if (error === undefined) caller.resolve();
    else caller.reject(error);
  }
}

function late(deadlineMs: number): StreamError {
  return new StreamError(
    "unavailable",
    `no barrier within ${Math.round(deadlineMs)} ms: the coordinator has no quorum, or the own tail lags behind`,
  );
}

/** Whatever stood in the way, a caller may only conclude that it knows nothing. */
function unavailable(error: StreamError): StreamError {
  if (error.code === "unavailable" || error.code === "unauthenticated") return error;
  return new StreamError("unavailable", `no barrier: ${error.message}`, { cause: error });
}
