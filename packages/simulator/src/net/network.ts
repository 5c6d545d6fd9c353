/**
 * Connections between simulated processes: what TCP gives and what it does not.
 *
 * Within one connection messages arrive in order or not at all. A cut link holds them back, as
 * retransmission does; if it stays cut for longer than the keepalive allows, both ends lose the
 * connection, each without knowing what the other has read. A reset loses what is on the way in
 * both directions, and that is where the ambiguity of every unanswered request comes from.
 *
 *   N1  a message is delivered at most once, after every earlier one of its direction
 *   N2  nothing is delivered to or from a life that has ended
 *   N3  each end is told of the loss at most once, and hears nothing afterwards
 */
import type { SimRandom } from "../kernel/sim-random.ts";
import type { Owner, Scheduler } from "../kernel/scheduler.ts";

export interface LinkQuality {
  /** One-way delay, milliseconds: most messages are near the least. */
  readonly delayMs: readonly [least: number, most: number];
  /** Share of messages that take ten times as long. */
  readonly slowShare: number;
  /** Share of messages upon which the connection is reset. */
  readonly resetShare: number;
  /** Bytes per millisecond of one direction of one connection. */
  readonly bytesPerMs: number;
}

export interface ConnectionEvents {
  readonly message: (message: unknown, bytes: number) => void;
  /** The connection is gone, and why. */
  readonly lost: (reason: string) => void;
}

/** One end. */
export interface Connection {
  send(message: unknown, bytes: number): void;
  /** Tells the other end after what was sent before; the own end hears nothing more. */
  close(): void;
  /** Bytes sent that have not arrived. */
  readonly queuedBytes: number;
}

export type Dialled =
  | { readonly kind: "connected"; readonly connection: Connection }
  | { readonly kind: "refused" }
  | { readonly kind: "timeout" };

type Accept = (connection: Connection, from: string) => ConnectionEvents;

/** Milliseconds of silence that end a connection: ping interval and ping timeout of the real links. */
export const KEEPALIVE_MS = 10_000;

interface Message {
  readonly message: unknown;
  readonly bytes: number;
}

/** Messages in their order; each has a flight, and whichever flight ends first delivers the oldest (N1). */
interface Direction {
  readonly from: string;
  readonly to: string;
  readonly queue: Message[];
  /** Flights that wait for the link. */
  stalled: number;
  /** Grows whenever the link carries again. */
  heals: number;
  arrivalMs: number;
  queuedBytes: number;
}

interface Pair {
  readonly ends: readonly [End, End];
  broken: boolean;
}

interface End {
  readonly owner: Owner;
  readonly host: string;
  readonly out: Direction;
  events: ConnectionEvents | undefined;
  /** How an end that was dialled begins; whichever event comes first makes it. */
  accept: (() => ConnectionEvents) | undefined;
  told: boolean;
}

interface Listener {
  readonly owner: Owner;
  readonly host: string;
  readonly accept: Accept;
}

export class SimNetwork {
  quality: LinkQuality;
  readonly counts = { messages: 0, resets: 0, refused: 0, timeouts: 0, keepalives: 0 };
  readonly #scheduler: Scheduler;
  readonly #random: SimRandom;
  readonly #listeners = new Map<string, Listener>();
  readonly #pairs = new Set<Pair>();
  /** Directed pairs of hosts that carry nothing. */
  readonly #cut = new Set<string>();
  /** Directed pairs of hosts that carry slowly: milliseconds added. */
  readonly #clogged = new Map<string, number>();

  constructor(scheduler: Scheduler, random: SimRandom, quality: LinkQuality) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.quality = quality;
  }

  listen(owner: Owner, host: string, address: string, accept: Accept): void {
    this.#listeners.set(address, { owner, host, accept });
  }

  /** Dials `address`; `done` is called once, as an event of `owner`. */
  dial(
    owner: Owner,
    host: string,
    address: string,
    timeoutMs: number,
    events: (connection: Connection) => ConnectionEvents,
    done: (dialled: Dialled) => void,
  ): void {
    const to = this.#listeners.get(address)?.host ?? hostOf(address);
    const label = `net ${host}>${to} dial`;
    const answer = (delayMs: number, dialled: () => Dialled): void => {
      this.#scheduler.after(delayMs, owner, label, () => done(dialled()));
    };
    if (this.isCut(host, to) || this.isCut(to, host)) {
      this.counts.timeouts += 1;
      answer(timeoutMs, () => ({ kind: "timeout" }));
      return;
    }
    const roundTripMs = this.#delayMs(host, to) + this.#delayMs(to, host);
    answer(roundTripMs, () => {
      const listener = this.#listeners.get(address);
      if (listener?.owner.alive !== true) {
        this.counts.refused += 1;
        return { kind: "refused" };
      }
      return { kind: "connected", connection: this.#pair(owner, host, listener, events) };
    });
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  clog(from: string, to: string, addedMs: number): void {
    this.#clogged.set(`${from}>${to}`, addedMs);
  }

  /** All links carry again; what was held back goes on its way. */
  heal(): void {
    this.#cut.clear();
    this.#clogged.clear();
    for (const pair of this.#pairs) {
      for (const end of pair.ends) {
        const { stalled } = end.out;
        end.out.stalled = 0;
        end.out.heals += 1;
        for (let at = 0; at < stalled; at++) this.#fly(pair, end, 0);
      }
    }
  }

  /**
   * Ends the connections of a life that has ended, or that has answered no ping for too long. Of a
   * machine that lost its power peers hear nothing until their keepalive notices.
   */
  ended(owner: Owner, isSilent: boolean): void {
    for (const pair of this.#pairs) {
      if (!pair.ends.some((end) => end.owner === owner)) continue;
      const delay = isSilent ? KEEPALIVE_MS : this.quality.delayMs[0];
      this.#break(pair, "the other process is gone", delay);
    }
  }

  #pair(
    owner: Owner,
    host: string,
    listener: Listener,
    events: (connection: Connection) => ConnectionEvents,
  ): Connection {
    const dialler = end(owner, host, listener.host);
    const acceptor = end(listener.owner, listener.host, host);
    const pair: Pair = { ends: [dialler, acceptor], broken: false };
    this.#pairs.add(pair);
    const near = this.#connection(pair, dialler);
    const far = this.#connection(pair, acceptor);
    this.#scheduler.after(0, listener.owner, `net ${host}>${listener.host} accept`, () => {
      if (acceptor.told || pair.broken) return;
      eventsOf(acceptor);
    });
    acceptor.accept = () => listener.accept(far, host);
    dialler.events = events(near);
    return near;
  }

  #connection(pair: Pair, own: End): Connection {
    return {
      send: (message, bytes) => this.#send(pair, own, message, bytes),
      close: () => {
        own.told = true;
        this.#break(
          pair,
          "the other end closed the connection",
          this.#delayMs(own.out.from, own.out.to),
        );
      },
      get queuedBytes() {
        return own.out.queuedBytes;
      },
    };
  }

  #send(pair: Pair, from: End, message: unknown, bytes: number): void {
    if (pair.broken || !from.owner.alive) return; // N2
    from.out.queuedBytes += bytes;
    this.counts.messages += 1;
    if (this.#random.chance(this.quality.resetShare)) {
      this.counts.resets += 1;
      this.#break(pair, "connection reset", 0);
      return;
    }
    this.#carry(pair, from, message, bytes);
  }

  #carry(pair: Pair, from: End, message: unknown, bytes: number): void {
    const { out } = from;
    out.queue.push({ message, bytes });
    if (this.isCut(out.from, out.to)) this.#stall(pair, from);
    else this.#fly(pair, from, bytes);
  }

  #fly(pair: Pair, from: End, bytes: number): void {
    const { out } = from;
    const nowMs = this.#scheduler.nowMs;
    const flightMs = this.#delayMs(out.from, out.to) + bytes / this.quality.bytesPerMs;
    out.arrivalMs = Math.max(nowMs + flightMs, out.arrivalMs + 0.001);
    const to = from === pair.ends[0] ? pair.ends[1] : pair.ends[0];
    const label = `net ${out.from}>${out.to} ${bytes}`;
    this.#scheduler.after(out.arrivalMs - nowMs, to.owner, label, () => {
      if (pair.broken || to.told) return; // N2, N3
      if (this.isCut(out.from, out.to)) {
        this.#stall(pair, from);
        return;
      }
      const oldest = out.queue.shift();
      if (oldest === undefined) return;
      out.queuedBytes -= oldest.bytes;
      eventsOf(to)?.message(oldest.message, oldest.bytes);
    });
  }

  /** A direction that carries nothing for so long ends the connection. */
  #stall(pair: Pair, from: End): void {
    const { out } = from;
    out.stalled += 1;
    if (out.stalled > 1) return;
    const { heals } = out;
    this.#scheduler.after(KEEPALIVE_MS, from.owner, `net ${out.from}>${out.to} keepalive`, () => {
      if (pair.broken || out.heals !== heals) return;
      this.counts.keepalives += 1;
      this.#break(pair, "no answer to a ping", 0);
    });
  }

  #break(pair: Pair, reason: string, delayMs: number): void {
    if (pair.broken) return;
    pair.broken = true;
    this.#pairs.delete(pair);
    for (const end of pair.ends) {
      end.out.queue.length = 0;
      const label = `net ${end.host} lost`;
      // The loss is told behind what has arrived already; both ends learn it at moments of their own.
      this.#scheduler.after(delayMs + this.#random.fraction(), end.owner, label, () => {
        if (end.told) return;
        end.told = true;
        end.events?.lost(reason);
      });
    }
  }

  #delayMs(from: string, to: string): number {
    const { delayMs, slowShare } = this.quality;
    const [least, most] = delayMs;
    const skewed = this.#random.fraction() ** 3;
    const usual = least + skewed * (most - least);
    const slow = this.#random.chance(slowShare) ? usual * 10 : usual;
    return slow + (this.#clogged.get(`${from}>${to}`) ?? 0);
  }
}

function end(owner: Owner, host: string, to: string): End {
  const out = { from: host, to, queue: [], stalled: 0, heals: 0, arrivalMs: 0, queuedBytes: 0 };
  return { owner, host, out, events: undefined, accept: undefined, told: false };
}

function eventsOf(end: End): ConnectionEvents | undefined {
  end.events ??= end.accept?.();
  return end.events;
}

/** Addresses of the simulated world are `host:port`. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}
