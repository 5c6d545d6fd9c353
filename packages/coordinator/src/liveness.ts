/**
 * Which processes the coordinator's leader has heard of lately.
 *
 * In memory only: a heartbeat per process and second has no place in a log that everybody tails.
 * It guides placement and nothing else; whether a replica may vote or lead is Raft's own business.
 */
import type { Clock } from "@millrace/base";

/** A process that was silent for longer takes no new replicas. */
export const ALIVE_MS_DEFAULT = 5_000;

export interface Beat {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly bootEpoch: number;
  /** `ready`, `starting` or `draining`, in the sender's words. */
  readonly state: string;
}

export class NodeLiveness {
  readonly #clock: Clock;
  readonly #aliveMs: number;
  readonly #beats = new Map<number, Beat & { readonly atMs: number }>();
  #sinceMs: number;

  constructor(clock: Clock, aliveMs: number = ALIVE_MS_DEFAULT) {
    this.#clock = clock;
    this.#aliveMs = aliveMs;
    this.#sinceMs = clock.monotonicMs();
  }

  /** Begins anew, as a leader that has heard nobody yet. */
  reset(): void {
    this.#beats.clear();
    this.#sinceMs = this.#clock.monotonicMs();
  }

  hear(beat: Beat): void {
    this.#beats.set(beat.nodeId, { ...beat, atMs: this.#clock.monotonicMs() });
  }

  /** The last state that the process told, or `undefined` while it is silent. */
  stateOf(nodeId: number, incarnation: string): string | undefined {
    const beat = this.#beats.get(nodeId);
    if (beat?.incarnation !== incarnation || !this.#fresh(beat.atMs)) return undefined;
    return beat.state;
  }

  /** A new leader takes nobody for dead before they had the time to say a word. */
  alive(nodeId: number, incarnation: string): boolean {
    const beat = this.#beats.get(nodeId);
    if (beat === undefined) return this.#fresh(this.#sinceMs);
    return beat.incarnation === incarnation && this.#fresh(beat.atMs);
  }

  /** How long this leader has not heard of that disk; at most as long as it leads. */
  silentMs(nodeId: number, incarnation: string): number {
    const beat = this.#beats.get(nodeId);
    const heardMs = beat?.incarnation === incarnation ? beat.atMs : this.#sinceMs;
    return this.#clock.monotonicMs() - heardMs;
  }

  #fresh(atMs: number): boolean {
    return this.#clock.monotonicMs() - atMs <= this.#aliveMs;
  }
}
