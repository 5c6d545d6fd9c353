/**
 * What the clients were told against what the shards hold in the end.
 *
 *   F1 (S1)  an acknowledged value is at its offset
 *   F2 (S4)  no value is there that nobody submitted, or that was certainly refused
 *   F3       no value is there twice (the producers take part in deduplication)
 *   F4 (S3)  the acknowledged values of one producer are in the order of its puts; a put that nobody
 *            could decide may come later than the next one
 *   F5 (S2, S5)  what any reader saw at an offset is what is there in the end
 */
import type { HistoryEvent } from "../history.ts";

export interface FinalCounts {
  acknowledged: number;
  lost: number;
  duplicate: number;
  reordered: number;
  phantom: number;
  changed: number;
}

/** @param shards Values of each shard, by shard index, from offset 0 on. */
export function finalCheck(
  history: readonly HistoryEvent[],
  shards: ReadonlyMap<number, readonly string[]>,
): { readonly counts: FinalCounts; readonly violations: readonly string[] } {
  const counts = { acknowledged: 0, lost: 0, duplicate: 0, reordered: 0, phantom: 0, changed: 0 };
  const violations: string[] = [];
  const broken = (kind: keyof FinalCounts, sentence: string): void => {
    counts[kind] += 1;
    if (violations.length < 20) violations.push(`${kind}: ${sentence}`);
  };
  const submitted = new Set<string>();
  const refused = new Set<string>();
  const acknowledged = new Set<string>();
  for (const event of history) {
    if (event.op === "put" && event.kind === "invoke") {
      for (const value of event.values) submitted.add(value);
    } else if (event.op === "put" && event.kind === "fail") {
      for (const value of event.values) refused.add(value);
    } else if (event.kind === "ok") {
      const { op, offset = 0, shard, id, process } = event;
      const accepted = op === "put" ? (event.accepted ?? 0) : (event.values?.length ?? 0);
      const stored = shards.get(shard) ?? [];
      if (op === "put") counts.acknowledged += accepted;
      for (const [at, value] of (event.values ?? []).slice(0, accepted).entries()) {
        if (op === "put") acknowledged.add(value);
        const there = stored[offset + at];
        if (there === value) continue;
        const where = `operation ${id} of ${process}: ${value} of shard ${shard} at ${offset + at}`;
        broken(op === "put" ? "lost" : "changed", `${where}, but ${there ?? "nothing"} is there`);
      }
    }
  }
  const known: Known = { submitted, refused, acknowledged };
  for (const [shard, values] of shards) checkShard(shard, values, known, broken);
  return { counts, violations };
}

interface Known {
  readonly submitted: ReadonlySet<string>;
  readonly refused: ReadonlySet<string>;
  readonly acknowledged: ReadonlySet<string>;
}

function checkShard(
  shard: number,
  values: readonly string[],
  { submitted, refused, acknowledged }: Known,
  broken: (kind: keyof FinalCounts, sentence: string) => void,
): void {
  const seen = new Set<string>();
  const last = new Map<string, number>();
  for (const [offset, value] of values.entries()) {
    const where = `${value} at ${offset} of shard ${shard}`;
    if (!submitted.has(value)) broken("phantom", `nobody submitted ${where}`);
    if (refused.has(value)) broken("phantom", `${where} was refused for certain`);
    if (seen.has(value)) broken("duplicate", `${where} is there before`);
    else if (acknowledged.has(value)) {
      const cut = value.lastIndexOf("-");
      const producer = value.slice(0, cut);
      const counter = Number(value.slice(cut + 1));
      const before = last.get(producer) ?? -1;
      if (counter < before) broken("reordered", `${where} comes after number ${before}`);
      last.set(producer, counter);
    }
    seen.add(value);
  }
}
