/** A pending call of `Clock.schedule`. */
export interface Timer {
  /** Does nothing once the call ran or was cancelled. */
  cancel(): void;
}

/**
 * Time and the event loop, injected so that the simulator can run the same code under virtual time.
 *
 * Deadlines, throttles and election timeouts use `monotonicMs`; only what a person or another
 * machine will read (arrival times, creation times) uses `nowMs`, which can jump.
 */
export interface Clock {
  /** Wall clock: whole milliseconds since 1970-01-01T00:00:00Z. May go backwards. */
  nowMs(): number;
  /** Milliseconds, with fractions, from an arbitrary start. Never goes backwards. */
  monotonicMs(): number;
  /** Calls `run` once, `delayMs` (0 or more) or later from now. */
  schedule(delayMs: number, run: () => void): Timer;
  /** Calls `run` once, as soon as the input that already arrived in this turn of the event loop was handed out. */
  soon(run: () => void): void;
}

/** Resolves after `delayMs` of the clock's time. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });
}
