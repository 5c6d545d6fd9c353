/**
 * A rate with a burst of one second. What was sent is taken afterwards, because its size is known
 * only then; the debt delays what comes next.
 */
export class TokenBucket {
  #perSecond: number;
  #tokens: number;
  #atMs: number;

  /** @param perSecond tokens per second, and the most that is saved up. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /** Milliseconds until something may be sent; 0 for at once. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
  }

  setRate(perSecond: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#perSecond = perSecond;
  }

  spend(tokens: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= tokens;
  }

  #fill(nowMs: number): void {
    const grown = ((nowMs - this.#atMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + grown);
    this.#atMs = nowMs;
  }
}
