/**
 * Calls that only the coordinator's leader answers, from whichever endpoint knows it.
 *
 *   C1  a call that could have been carried out is repeated only when carrying it out twice is the same
 *       as once; else its caller learns `indeterminate`
 *   C2  a hint is followed only to an endpoint or to a node of the own metadata, so that a stranger's
 *       answer cannot send signed calls elsewhere
 */
import type { Clock, Random } from "@millrace/base";
import { asStreamError, StreamError } from "@millrace/base";
import type { MetadataView } from "@millrace/model";
import type { ControlMethod } from "@millrace/rpc";

import type { ClientLimits } from "../options.ts";
import { Backoff } from "../routing/backoff.ts";
import type { UnaryPort } from "./unary-port.ts";

export interface CoordinatorCallsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly unary: UnaryPort;
  readonly view: Pick<MetadataView, "list">;
  readonly endpoints: readonly string[];
  readonly limits: ClientLimits;
}

export interface CallRules {
  /** Milliseconds from now. */
  readonly deadlineMs: number;
  /** Carried out twice, the call does the same as once. */
  readonly repeatable: boolean;
}

/** A further attempt that could hardly be answered in time would only turn certainty into doubt. */
const LAST_ATTEMPT_MS = 100;

export class CoordinatorCalls {
  readonly #deps: CoordinatorCallsDeps;
  #leader: string | undefined;
  #next = 0;
  #closed = false;
  /** Ends the pauses between attempts that are under way. */
  readonly #pauses = new Set<() => void>();

  constructor(deps: CoordinatorCallsDeps) {
    this.#deps = deps;
  }

  /** Calls that wait to ask again end at once, as they would at their deadline. */
  close(): void {
    this.#closed = true;
    for (const end of this.#pauses) end();
  }

  /**
   * @throws StreamError `unavailable` when no leader was found in time and nothing was done;
   *   `indeterminate` when it may have been done; otherwise what the leader answered.
   */
  async call<Request, Reply>(
    method: ControlMethod<Request, Reply>,
    request: Request,
    { deadlineMs, repeatable }: CallRules,
  ): Promise<Reply> {
    const { clock, random, unary, endpoints, limits } = this.#deps;
    const backoff = new Backoff(limits, random);
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    let last: StreamError | undefined;
    let unknown = false;
    for (;;) {
      const leftMs = this.#closed ? 0 : endsAtMs - clock.monotonicMs();
      if (leftMs <= (last === undefined ? 0 : LAST_ATTEMPT_MS))
        throw outOfTime(method.path, deadlineMs, unknown, last);
      const address = this.#leader ?? endpoints[this.#next % endpoints.length] ?? "";
      const timeoutMs = repeatable ? Math.min(leftMs, limits.attemptTimeoutMs) : leftMs;
      try {
        const reply = await unary.call(address, method, request, timeoutMs);
        this.#leader = address;
        return reply;
      } catch (error) {
        last = asStreamError(error);
      }
      const sure =
        last.code === "not-leader" || last.code === "unavailable" || last.code === "overloaded";
      if (!sure && !isLost(last)) throw last;
      if (!sure && !repeatable) throw maybeDone(method.path, last);
      unknown ||= !sure;
      const delayMs = this.#delay(address, last, backoff);
      if (delayMs > 0) await this.#pause(Math.min(delayMs, endsAtMs - clock.monotonicMs()));
    }
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const timer = this.#deps.clock.schedule(delayMs, end);
      this.#pauses.add(end);
    });
  }

  #delay(asked: string, error: StreamError, backoff: Backoff): number {
    if (error.code === "overloaded") return backoff.wait(error.hint.retryAfterMs);
    const hinted = error.code === "not-leader" ? error.hint.leaderAddress : undefined;
    if (hinted !== undefined && hinted !== asked && this.#knows(hinted)) {
      this.#leader = hinted;
    } else {
      if (this.#leader === undefined || this.#leader === asked) this.#next++;
      this.#leader = undefined;
    }
    return backoff.move(this.#deps.endpoints.length);
  }

  #knows(address: string): boolean {
    const { endpoints, view } = this.#deps;
    if (endpoints.includes(address)) return true;
    return view.list("node").some((node) => node.addresses.rpc === address);
  }
}

function isLost(error: StreamError): boolean {
  return error.code === "indeterminate" || error.code === "deadline" || error.code === "cancelled";
}

function maybeDone(path: string, error: StreamError): StreamError {
  return new StreamError("indeterminate", `${path} may have been carried out: ${error.message}`, {
    cause: error,
  });
}

function outOfTime(
  path: string,
  deadlineMs: number,
  unknown: boolean,
  last: StreamError | undefined,
): StreamError {
  return new StreamError(
    unknown ? "indeterminate" : "unavailable",
    `${path} got no answer from the coordinator's leader within ${Math.round(deadlineMs)} ms: ` +
      (last?.message ?? "no time to ask"),
    last === undefined ? {} : { cause: last },
  );
}
