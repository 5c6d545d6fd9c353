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
import type { FaultEffect } from "../faults/fault.ts";
import type { SimRandom } from "../kernel/sim-random.ts";
import type { Owner, Scheduler } from "../kernel/scheduler.ts";

export interface LinkQuality {
  /** One-way delay, milliseconds: most messages are near the least. */
  readonly delayMs: readonly [least: number, most: number];
  /** Share of messages that take ten times as long. */
  readonly slowShare: number;
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

/** Why a link carries slowly. */
export interface Slowness {
  readonly addedMs: number;
  readonly bytesPerMs: number;
  readonly effect: FaultEffect;
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
  /** While set, messages upon which a connection is reset, beyond the quality's own. */
  resets: { readonly share: number; readonly effect: FaultEffect } | undefined;
  /** Directed pairs of hosts that carry nothing, and because of which faults. */
  readonly #cut = new Map<string, Set<FaultEffect>>();
  /** Directed pairs of hosts that carry slowly. */
  readonly #slow = new Map<string, readonly Slowness[]>();

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
    if (this.#stops(host, to) || this.#stops(to, host)) {
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

  /** The link carries nothing until each `effect` that cut it has mended it. */
  cut(from: string, to: string, effect: FaultEffect): void {
    const key = `${from}>${to}`;
    this.#cut.set(key, (this.#cut.get(key) ?? new Set()).add(effect));
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  mend(from: string, to: string, effect: FaultEffect): void {
    const key = `${from}>${to}`;
    const effects = this.#cut.get(key);
    effects?.delete(effect);
    if (effects === undefined || effects.size > 0) return;
    this.#cut.delete(key);
    this.#release((out) => out.from === from && out.to === to);
  }

  slow(from: string, to: string, slowness: Slowness): void {
    const key = `${from}>${to}`;
    this.#slow.set(key, [...(this.#slow.get(key) ?? []), slowness]);
  }

  quicken(from: string, to: string, effect: FaultEffect): void {
    const key = `${from}>${to}`;
    const left = (this.#slow.get(key) ?? []).filter((each) => each.effect !== effect);
    if (left.length > 0) this.#slow.set(key, left);
    else this.#slow.delete(key);
    this.#hasten((out) => out.from === from && out.to === to);
  }

  /** All links carry again; what was held back goes on its way. */
  heal(): void {
    this.#cut.clear();
    this.#slow.clear();
    this.resets = undefined;
    this.#hasten(() => true);
    this.#release(() => true);
  }

  /**
   * `from` forgets its connections with `to`, as behind a middlebox that lost its table; `to` learns it
   * by its keepalive. Answers whether there were any.
   */
  halfOpen(from: string, to: string): boolean {
    let any = false;
    for (const pair of this.#pairs) {
      const isBetween = (a: string, b: string): boolean =>
        pair.ends[0].host === a && pair.ends[1].host === b;
      if (!isBetween(from, to) && !isBetween(to, from)) continue;
      any = true;
      const slowEnd = pair.ends.find(({ host }) => host === to);
      this.#break(pair, "connection reset", 0, slowEnd);
    }
    return any;
  }

  /** Bytes that wait in the fullest direction of any connection. */
  get queuedBytesMost(): number {
    let most = 0;
    for (const { ends } of this.#pairs) {
      for (const { out } of ends) most = Math.max(most, out.queuedBytes);
    }
    return most;
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
    if (this.#isReset()) {
      this.counts.resets += 1;
      this.#break(pair, "connection reset", 0);
      return;
    }
    this.#carry(pair, from, message, bytes);
  }

  #carry(pair: Pair, from: End, message: unknown, bytes: number): void {
    const { out } = from;
    out.queue.push({ message, bytes });
    if (this.#stops(out.from, out.to)) this.#stall(pair, from);
    else this.#fly(pair, from, bytes);
  }

  #fly(pair: Pair, from: End, bytes: number): void {
    const { out } = from;
    const nowMs = this.#scheduler.nowMs;
    const flightMs = this.#delayMs(out.from, out.to) + bytes / this.#bytesPerMs(out);
    out.arrivalMs = Math.max(nowMs + flightMs, out.arrivalMs + 0.001);
    const to = from === pair.ends[0] ? pair.ends[1] : pair.ends[0];
    const label = `net ${out.from}>${out.to} ${bytes}`;
    this.#scheduler.after(out.arrivalMs - nowMs, to.owner, label, () => {
      if (pair.broken || to.told || out.queue.length === 0) return; // N2, N3
      if (this.#stops(out.from, out.to)) {
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

  /** @param silent The end that hears of it only by its keepalive. */
  #break(pair: Pair, reason: string, delayMs: number, silent?: End): void {
    if (pair.broken) return;
    pair.broken = true;
    this.#pairs.delete(pair);
    for (const end of pair.ends) {
      end.out.queue.length = 0;
      const label = `net ${end.host} lost`;
      // The loss is told behind what has arrived already; both ends learn it at moments of their own.
      const laterMs = end === silent ? KEEPALIVE_MS : delayMs;
      this.#scheduler.after(laterMs + this.#random.fraction(), end.owner, label, () => {
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
    return slow + this.#addedMs(from, to);
  }

  #addedMs(from: string, to: string): number {
    if (this.#slow.size === 0) return 0;
    let sum = 0;
    for (const { addedMs, effect } of this.#slow.get(`${from}>${to}`) ?? []) {
      sum += addedMs;
      effect.happened = true;
    }
    return sum;
  }

  #bytesPerMs({ from, to }: Direction): number {
    let least = this.quality.bytesPerMs;
    if (this.#slow.size === 0) return least;
    for (const { bytesPerMs } of this.#slow.get(`${from}>${to}`) ?? []) {
      least = Math.min(least, bytesPerMs);
    }
    return least;
  }

  /** Whether the link is cut; whoever cut it has had an effect. */
  #stops(from: string, to: string): boolean {
    if (this.#cut.size === 0) return false;
    const effects = this.#cut.get(`${from}>${to}`);
    for (const effect of effects ?? []) effect.happened = true;
    return effects !== undefined;
  }

  #isReset(): boolean {
    if (this.resets === undefined || !this.#random.chance(this.resets.share)) return false;
    this.resets.effect.happened = true;
    return true;
  }

  /**
   * What a slow link has taken on goes at its present speed. The flights it was on end later, and deliver
   * what is the oldest then, or nothing.
   */
  #hasten(isMeant: (out: Direction) => boolean): void {
    for (const pair of this.#pairs) {
      for (const end of pair.ends) {
        const { out } = end;
        if (!isMeant(out) || out.arrivalMs <= this.#scheduler.nowMs) continue;
        out.arrivalMs = this.#scheduler.nowMs;
        const flying = out.queue.slice(0, Math.max(0, out.queue.length - out.stalled));
        for (const { bytes } of flying) this.#fly(pair, end, bytes);
      }
    }
  }

  #release(isMeant: (out: Direction) => boolean): void {
    for (const pair of this.#pairs) {
      for (const end of pair.ends) {
        const { out } = end;
        if (!isMeant(out)) continue;
        const { stalled } = out;
        out.stalled = 0;
        out.heals += 1;
        for (let at = 0; at < stalled; at++) this.#fly(pair, end, 0);
      }
    }
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
