/**
 * Chance from one 64-bit seed, in streams by name: a draw in one never shifts another, so that a
 * change of the workload leaves the network's delays as they were.
 *
 * Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (xoshiro128**),
 * 2018. The state comes from the hash of seed and name, so that neighbouring seeds share nothing.
 */
import { createHash } from "node:crypto";

import type { Random } from "@millrace/base";

export class SimRandom implements Random {
  readonly #state: Uint32Array;

  /** @param seed 0..2^64 - 1. */
  constructor(seed: bigint, stream: string) {
    const digest = createHash("sha256").update(`${seed}/${stream}`).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  uniform(bound: number): number {
    return Math.floor((this.#next() / 4_294_967_296) * bound);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#next() >>> 24;
    return bytes;
  }

  /** 0 or more, below 1. */
  fraction(): number {
    return this.#next() / 4_294_967_296;
  }

  /** True `share` of the time, 0..1. */
  chance(share: number): boolean {
    return this.fraction() < share;
  }

  /** `least` or more, below `most`. */
  between(least: number, most: number): number {
    return least + this.fraction() * (most - least);
  }

  /** One of `values`, which are not empty. */
  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.uniform(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  #next(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ c ^ a;
    state[0] = a ^ d ^ b;
    state[2] = c ^ a ^ (b << 9);
    state[3] = rotated(d ^ b, 11);
    return result;
  }
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
