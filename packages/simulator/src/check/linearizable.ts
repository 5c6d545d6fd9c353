/**
 * Whether a history of one register, into which every value is written once, can be put in one order
 * that respects real time (S12).
 *
 * A write and the reads of its value stand together in such an order. Let their first end be f and
 * their last beginning s. With f < s the register held the value from f to s at least; else some moment
 * from s to f is enough. So there is an order if and only if no read ends before its write begins, no two
 * spans of the first kind overlap, and none of the second kind lies within one of the first.
 *
 * Source: Gibbons and Korach, "Testing Shared Memories", SIAM J. Comput. 26, 1997, section 4. A general
 * search (Wing and Gong) takes a time that grows without bound with writes that nobody can decide.
 */
export interface RegisterOperation {
  readonly id: number;
  readonly op: "write" | "read";
  /** Undefined is what a register holds that was never written. */
  readonly value: string | undefined;
  readonly beganMs: number;
  /** Infinity when nobody can say whether it was done. */
  readonly endedMs: number;
}

interface Zone {
  readonly value: string | undefined;
  readonly firstEndMs: number;
  readonly lastBeginMs: number;
}

/**
 * @param operations Those that certainly were not done, and reads without an answer, left out.
 * @returns What contradicts, in words; undefined for a history that is linearizable.
 */
export function whyNotLinearizable(operations: readonly RegisterOperation[]): string | undefined {
  const beginning = { id: -1, op: "write", value: undefined, beganMs: -1, endedMs: -1 } as const;
  const zones: Zone[] = [];
  for (const write of [beginning, ...operations]) {
    if (write.op !== "write") continue;
    const { value } = write;
    const reads = operations.filter((each) => each.op === "read" && each.value === value);
    // A write that nobody saw and nobody can decide may never have been.
    if (reads.length === 0 && write.endedMs === Infinity) continue;
    const early = reads.find(({ endedMs }) => endedMs < write.beganMs);
    if (early !== undefined) return `operation ${early.id} read ${value} before it was written`;
    const all = [write, ...reads];
    zones.push({
      value,
      firstEndMs: Math.min(...all.map(({ endedMs }) => endedMs)),
      lastBeginMs: Math.max(...all.map(({ beganMs }) => beganMs)),
    });
  }
  const unknown = operations.find(
    ({ op, value }) => op === "read" && !zones.some((zone) => zone.value === value),
  );
  if (unknown !== undefined) return `operation ${unknown.id} read ${unknown.value}`;
  return contradiction(zones);
}

function contradiction(zones: readonly Zone[]): string | undefined {
  const held = zones.filter(({ firstEndMs, lastBeginMs }) => firstEndMs < lastBeginMs);
  for (const zone of held) {
    const { value, firstEndMs, lastBeginMs } = zone;
    for (const other of zones) {
      if (other === zone) continue;
      const isHeld = other.firstEndMs < other.lastBeginMs;
      const clashes = isHeld
        ? other.firstEndMs < lastBeginMs && firstEndMs < other.lastBeginMs
        : firstEndMs < other.lastBeginMs && other.firstEndMs < lastBeginMs;
      if (clashes) {
        return `it held ${value} from ${firstEndMs} to ${lastBeginMs}, but ${other.value} too`;
      }
    }
  }
  return undefined;
}
