/** A map that never holds more than `max` entries: the least recently used one goes first. */
export class BoundedCache<V> {
  readonly #max: number;
  readonly #entries = new Map<string, V>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The value held for `key`, made by `make` when there is none; what `make` throws is not held. */
  get(key: string, make: () => V): V {
    const held = this.#entries.get(key);
    if (held !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, held); // the youngest stands last
      return held;
    }
    const made = make();
    this.#entries.set(key, made);
    if (this.#entries.size > this.#max) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return made;
  }
}
