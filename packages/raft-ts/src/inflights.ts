/**
 * The appends that a follower has not acknowledged yet.
 *
 * Without a limit a leader would push its whole log at a follower that has stopped reading. Both
 * the number of messages and their bytes are bounded. The byte bound is soft: the message that
 * crosses it is still sent, or an entry larger than the bound could never be replicated.
 *
 * The buffer is a ring that grows on demand: a process hosts thousands of groups, and most of
 * them never have more than a few messages on the way.
 *
 * Source: etcd-raft `tracker/inflights`.
 */
import { RaftPanic } from "./errors.ts";

const FIRST_CAPACITY = 4;

/** A sliding window of sent appends, each named by the index of its last entry. */
export class Inflights {
  /** Most messages on the way; `Infinity` is no limit. */
  readonly messagesMax: number;
  /** Bytes on the way at which sending stops; 0 or `Infinity` is no limit. */
  readonly bytesMax: number;
  #start = 0;
  #count = 0;
  #bytes = 0;
  #indexes: number[] = [];
  #sizes: number[] = [];

  constructor(messagesMax: number, bytesMax = 0) {
    this.messagesMax = messagesMax;
    this.bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message whose last entry is `index`. @throws RaftPanic when full. */
  add(index: number, bytes: number): void {
    if (this.isFull()) throw new RaftPanic("cannot add into a Full inflights");
    this.#push(index, bytes);
  }

  #push(index: number, bytes: number): void {
    if (this.#count === this.#indexes.length) this.#grow();
    const at = (this.#start + this.#count) % this.#indexes.length;
    this.#indexes[at] = index;
    this.#sizes[at] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Forgets every message whose last entry is at or below `index`. */
  freeThrough(index: number): void {
    const capacity = this.#indexes.length;
    while (this.#count > 0 && (this.#indexes[this.#start] ?? 0) <= index) {
      this.#bytes -= this.#sizes[this.#start] ?? 0;
      this.#start = (this.#start + 1) % capacity;
      this.#count -= 1;
    }
    if (this.#count === 0) this.#start = 0;
  }

  isFull(): boolean {
    if (this.#count >= this.messagesMax) return true;
    return this.bytesMax !== 0 && this.#bytes >= this.bytesMax;
  }

  /** Forgets all messages and keeps the buffer. */
  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  /** A copy that later changes do not reach. */
  clone(): Inflights {
    const copy = new Inflights(this.messagesMax, this.bytesMax);
    for (let i = 0; i < this.#count; i += 1) {
      const at = (this.#start + i) % this.#indexes.length;
      copy.#push(this.#indexes[at] ?? 0, this.#sizes[at] ?? 0);
    }
    return copy;
  }

  /** The indexes on the way, oldest first. */
  toArray(): number[] {
    return Array.from(
      { length: this.#count },
      (_, i) => this.#indexes[(this.#start + i) % this.#indexes.length] ?? 0,
    );
  }

  #grow(): void {
    const wanted = Math.max(FIRST_CAPACITY, this.#indexes.length * 2);
    const capacity = Math.min(wanted, this.messagesMax);
    const indexes = Array.from({ length: capacity }, () => 0);
    const sizes = Array.from({ length: capacity }, () => 0);
    for (let i = 0; i < this.#count; i += 1) {
      const from = (this.#start + i) % this.#indexes.length;
      indexes[i] = this.#indexes[from] ?? 0;
      sizes[i] = this.#sizes[from] ?? 0;
    }
    this.#indexes = indexes;
    this.#sizes = sizes;
    this.#start = 0;
  }
}
