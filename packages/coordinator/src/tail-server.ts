/**
 * Serves the metadata tails of this node: a snapshot where needed, then deltas in log order.
 *
 * A tail is a position in the log, not a queue: what it has not taken yet stays in the ring that all
 * tails share. A reader that is slow costs nothing but its position; one that takes nothing at all
 * for a while is cut off, because a process that does not drain its tail routes by old metadata.
 */
import type { Clock, Timer } from "@millrace/base";
import { safeInteger, StreamError } from "@millrace/base";
import type { Principal } from "@millrace/model";
import type { TailRequest } from "@millrace/proto";

import type { MetadataState } from "./state/metadata-state.ts";
import { SharedSnapshot } from "./shared-snapshot.ts";
import { Tail } from "./tail.ts";
import type { TailSink } from "./tail.ts";

export const HEARTBEAT_MS_DEFAULT = 500;
export const STALLED_MS_DEFAULT = 10_000;
export const TAILS_MAX_DEFAULT = 2_000;
/** A node that has had no leader for so long may have been taken out of the group without hearing of it. */
const LEADERLESS_MS_MAX = 10_000;

export interface TailServerOptions {
  readonly clock: Clock;
  readonly state: MetadataState;
  /** @default 500 */
  readonly heartbeatMs?: number | undefined;
  /** A tail that took nothing for so long is cut off. @default 10_000 */
  readonly stalledMs?: number | undefined;
  /** Tails at one time. @default 2000 */
  readonly tailsMax?: number | undefined;
  /** Whether this node has a leader of the metadata group that answers it; looked at while there are tails. */
  readonly hasLeader: () => boolean;
}

export class TailServer {
  readonly #clock: Clock;
  readonly #state: MetadataState;
  readonly #heartbeatMs: number;
  readonly #stalledMs: number;
  readonly #tailsMax: number;
  readonly #snapshots: SharedSnapshot;
  readonly #hasLeader: () => boolean;
  #leaderlessSinceMs: number | undefined;
  readonly #tails = new Set<Tail>();
  #timer: Timer | undefined;
  #pumping = false;

  constructor(options: TailServerOptions) {
    const { clock, state, heartbeatMs, stalledMs, tailsMax, hasLeader } = options;
    this.#hasLeader = hasLeader;
    this.#clock = clock;
    this.#state = state;
    this.#heartbeatMs = heartbeatMs ?? HEARTBEAT_MS_DEFAULT;
    this.#stalledMs = stalledMs ?? STALLED_MS_DEFAULT;
    this.#tailsMax = tailsMax ?? TAILS_MAX_DEFAULT;
    this.#snapshots = new SharedSnapshot(state.view);
  }

  get openTails(): number {
    return this.#tails.size;
  }

  /**
   * Starts a tail into `sink`. Returns the way to stop it; the sink is then left alone.
   *
   * @throws StreamError `invalid-argument`, `permission-denied`, `overloaded`.
   */
  open(request: TailRequest, principal: Principal, sink: TailSink): () => void {
    const routes = requireScope(request, principal);
    const fromIndex = safeInteger("fromIndex", request.fromIndex);
    if (this.#tails.size >= this.#tailsMax) {
      throw new StreamError(
        "overloaded",
        `tails are ${this.#tails.size}, at most ${this.#tailsMax}`,
      );
    }
    const tail: Tail = new Tail({
      state: this.#state,
      snapshots: this.#snapshots,
      clock: this.#clock,
      sink,
      fromIndex,
      clusterId: request.clusterId,
      account: routes && principal.kind === "key" ? principal.account : undefined,
      routes,
      onEnd: () => this.#remove(tail),
    });
    this.#tails.add(tail);
    this.#timer ??= this.#clock.schedule(this.#heartbeatMs, () => this.#beat());
    tail.pump();
    return () => this.#remove(tail);
  }

  /** Sends what was applied, once per turn of the event loop. */
  advanced(): void {
    if (this.#pumping || this.#tails.size === 0) return;
    this.#pumping = true;
    this.#clock.soon(() => {
      this.#pumping = false;
      for (const tail of this.#tails) tail.pump();
    });
  }

  /** Ends every tail, so that its reader goes to another node. */
  close(): void {
    const closing = new StreamError("unavailable", "this node is stopping: tail another one");
    for (const tail of this.#tails) tail.end(closing);
  }

  #beat(): void {
    this.#timer = undefined;
    this.#snapshots.release();
    this.#sendElsewhere();
    for (const tail of this.#tails) {
      if (tail.stalledForMs() >= this.#stalledMs) {
        tail.end(
          new StreamError(
            "overloaded",
            `the tail took nothing for ${this.#stalledMs} ms: resume it`,
          ),
        );
      } else tail.beat();
    }
    if (this.#tails.size > 0) {
      this.#timer = this.#clock.schedule(this.#heartbeatMs, () => this.#beat());
    }
  }

  /**
   * A voter that was away while it was replaced hears nothing more: what it tells grows old for ever,
   * and it would itself follow nobody but itself. So its readers try another node; where that has no leader
   * either, they are back in time.
   */
  #sendElsewhere(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#tails.size === 0 || this.#hasLeader()) this.#leaderlessSinceMs = undefined;
    else this.#leaderlessSinceMs ??= nowMs;
    if (nowMs - (this.#leaderlessSinceMs ?? nowMs) < LEADERLESS_MS_MAX) return;
    this.#leaderlessSinceMs = undefined;
    const message = `this node has heard no leader for ${LEADERLESS_MS_MAX} ms: tail another one`;
    for (const tail of this.#tails) tail.end(new StreamError("unavailable", message));
  }

  #remove(tail: Tail): void {
    tail.stop();
    this.#tails.delete(tail);
    if (this.#tails.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** Whether the scope is `routes`. */
function requireScope({ scope }: TailRequest, principal: Principal): boolean {
  if (scope === "TAIL_SCOPE_ROUTES") return true;
  if (scope !== "TAIL_SCOPE_INTERNAL") {
    throw new StreamError("invalid-argument", `scope is ${scope}, but must be INTERNAL or ROUTES`);
  }
  if (principal.kind === "cluster") return false;
  throw new StreamError(
    "permission-denied",
    `access key ${principal.accessKeyId} may tail routes only: internal metadata holds keys`,
  );
}
