/**
 * Virtual time: one heap of events, run one after the other, each with all its promises settled
 * before the next.
 *
 * A run replays only if nothing but the seed decides what comes next. Events of one instant are
 * ordered by a number drawn from the seed, so that a race between two of them is tried both ways;
 * the real event loop decides nothing.
 *
 *   T1  time never goes back
 *   T2  an event begins when the microtasks of the one before have drained: the next one waits in
 *       the tick queue behind a microtask that was queued after them
 *   T3  nothing of a dead process runs; what falls due for a paused one waits until it goes on
 */
import type { Random, Timer } from "@millrace/base";

/** Who an event belongs to: one life of one process, or the world itself. */
export interface Owner {
  readonly name: string;
  readonly alive: boolean;
  readonly paused: boolean;
}

export interface ScheduledEvent {
  atMs: number;
  readonly tie: number;
  readonly sequence: number;
  readonly owner: Owner;
  readonly label: string;
  readonly run: () => void;
  cancelled: boolean;
}

/** Things of the real process that the scheduler uses while they are forbidden to all others. */
export interface RealLoop {
  readonly setImmediate: typeof setImmediate;
  readonly nextTick: typeof process.nextTick;
}

export const WORLD: Owner = { name: "world", alive: true, paused: false };

/** Events of one instant, beyond which a process is taken to go round in circles. */
const STANDING_EVENTS_MAX = 200_000;

/** Events of one run, some fifty times what a long one has: beyond, something goes on for ever. */
const EVENTS_MAX = 30_000_000;

/** Events after which the real event loop is served: for output and Ctrl-C. */
const BATCH_EVENTS = 5000;

/** Apart in time, because events of one instant come in an order drawn by chance. */
const RESUME_STEP_MS = 1e-6;

export class Scheduler {
  readonly #heap: ScheduledEvent[] = [];
  readonly #held = new Map<Owner, ScheduledEvent[]>();
  readonly #ties: Random;
  readonly #loop: RealLoop;
  #nowMs = 0;
  #sequence = 0;
  #executed = 0;
  #standing = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Called before each event; an observer, which must not change anything. */
  observe: (event: ScheduledEvent) => void = () => {};
  /** Called when an event and its microtasks are over. */
  settled: () => void = () => {};

  constructor(ties: Random, loop: RealLoop) {
    this.#ties = ties;
    this.#loop = loop;
  }

  /** Virtual milliseconds since the start, with fractions. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get executed(): number {
    return this.#executed;
  }

  /** Calls `run` once, `delayMs` (0 or more) from now, as an event of `owner`. */
  after(delayMs: number, owner: Owner, label: string, run: () => void): Timer {
    const event: ScheduledEvent = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      // What the world does comes first, and draws nothing: a list of faults can be cut without shifting the rest.
      tie: owner === WORLD ? -1 : this.#ties.uniform(65_536),
      sequence: this.#sequence++,
      owner,
      label,
      run,
      cancelled: false,
    };
    this.#push(event);
    return { cancel: () => void (event.cancelled = true) };
  }

  /** Puts back what fell due while `owner` was paused, in its order. */
  resumed(owner: Owner): void {
    const events = this.#held.get(owner) ?? [];
    this.#held.delete(owner);
    for (const [at, event] of events.entries()) {
      event.atMs = this.#nowMs + at * RESUME_STEP_MS;
      this.#push(event);
    }
  }

  /** Ends the run with `error` before the next event. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Runs events until `isDone` says so or virtual time reaches `untilMs`. @throws what an event threw. */
  run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    const { setImmediate: immediate, nextTick } = this.#loop;
    return new Promise((resolve, reject) => {
      let left = BATCH_EVENTS;
      const step = (): void => {
        this.settled();
        if (this.#failure !== undefined) {
          reject(this.#failure.error);
          return;
        }
        if (isDone()) {
          resolve();
          return;
        }
        const event = this.#next(untilMs);
        if (event === undefined) {
          this.#nowMs = Math.max(this.#nowMs, untilMs);
          resolve();
          return;
        }
        this.#execute(event);
        if (--left > 0) {
          queueMicrotask(() => nextTick(step)); // T2
          return;
        }
        left = BATCH_EVENTS;
        queueMicrotask(() => nextTick(() => immediate(() => nextTick(step))));
      };
      nextTick(step);
    });
  }

  #execute(event: ScheduledEvent): void {
    this.#standing = event.atMs > this.#nowMs ? 0 : this.#standing + 1;
    this.#nowMs = Math.max(this.#nowMs, event.atMs); // T1
    if (this.#standing > STANDING_EVENTS_MAX) {
      this.fail(new Error(`${STANDING_EVENTS_MAX} events at ${this.#nowMs}, now ${event.label}`));
    }
    this.#executed += 1;
    if (this.#executed > EVENTS_MAX) this.fail(new Error(`no end within ${EVENTS_MAX} events`));
    this.observe(event);
    try {
      event.run();
    } catch (error) {
      this.fail(error);
    }
  }

  /** The next event that may run; none is left within `untilMs` when undefined. */
  #next(untilMs: number): ScheduledEvent | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.atMs > untilMs) return undefined;
      this.#pop();
      if (first.cancelled || !first.owner.alive) continue; // T3
      if (!first.owner.paused) return first;
      const held = this.#held.get(first.owner) ?? [];
      held.push(first);
      this.#held.set(first.owner, held);
    }
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !precedes(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && precedes(right, child)) {
        child = right;
        below += 1;
      }
      if (!precedes(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function precedes(a: ScheduledEvent, b: ScheduledEvent): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.sequence < b.sequence;
}
