/**
 * Terms of a whole log in the space of its elections: Raft asks for the term of any index, and a log
 * of millions of entries has few terms. Each run says "from this index on, this term".
 */
export interface TermRun {
  readonly firstIndex: number;
  readonly term: number;
}

/** Those of ascending `runs` that say something about `index` and above, the first one starting there. */
function runsFrom(runs: readonly TermRun[], index: number): readonly TermRun[] {
  const at = runs.findLastIndex(({ firstIndex }) => firstIndex <= index);
  const run = runs[at];
  if (run === undefined) return runs;
  return [{ firstIndex: index, term: run.term }, ...runs.slice(at + 1)];
}

export class TermRuns {
  #runs: TermRun[] = [];

  /** Forgets everything; the log now stands behind (index, term). */
  reset(index: number, term: number): void {
    this.#runs = [{ firstIndex: index, term }];
  }

  /** `index` is above all indexes so far. */
  append(index: number, term: number): void {
    if (this.#runs.at(-1)?.term !== term) this.#runs.push({ firstIndex: index, term });
  }

  /** Runs of entries that follow all indexes so far, or repeat some of them; `after` is the last of those. */
  appendRuns(runs: readonly TermRun[], after: number): void {
    for (const { firstIndex, term } of runsFrom(runs, after + 1)) this.append(firstIndex, term);
  }

  cutFrom(index: number): void {
    while ((this.#runs.at(-1)?.firstIndex ?? -1) >= index) this.#runs.pop();
  }

  /** Keeps what answers for `index` and above. */
  dropBefore(index: number): void {
    const at = this.#runAt(index);
    const run = this.#runs[at];
    if (run === undefined) return;
    this.#runs.splice(0, at + 1, { firstIndex: index, term: run.term });
  }

  /** The caller knows that `index` lies in the log. */
  termAt(index: number): number | undefined {
    return this.#runs[this.#runAt(index)]?.term;
  }

  /** Runs that cover lo..hi, the first one starting at lo. */
  between(lo: number, hi: number): readonly TermRun[] {
    const runs: TermRun[] = [];
    for (let at = Math.max(0, this.#runAt(lo)); at < this.#runs.length; at++) {
      const run = this.#runs[at];
      if (run === undefined || run.firstIndex > hi) break;
      runs.push({ firstIndex: Math.max(lo, run.firstIndex), term: run.term });
    }
    return runs;
  }

  #runAt(index: number): number {
    let low = 0;
    let high = this.#runs.length - 1;
    // Nearly every question is about the newest term.
    if ((this.#runs[high]?.firstIndex ?? 0) <= index) return high;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.firstIndex ?? 0) <= index) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }
}
