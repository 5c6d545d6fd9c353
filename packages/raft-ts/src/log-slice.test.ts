import { describe, expect, it } from "vitest";

import { UnstableLog } from "./log-unstable.ts";
import type { Entry } from "./types.ts";

const entry = (index: number, term = 1): Entry => ({
  index,
  term,
  type: "EntryNormal",
  data: Uint8Array.of(index),
});

function logOf(...entries: readonly Entry[]): UnstableLog {
  const log = new UnstableLog(1);
  log.truncateAndAppend(entries);
  return log;
}

describe("the list of entries that is handed out", () => {
  it("is the same one for two followers and the disk", () => {
    const log = logOf(entry(1), entry(2), entry(3));
    const first = log.slice(1, 4, 1024);
    expect(first).toEqual([entry(1), entry(2), entry(3)]);
    expect(log.slice(1, 4, 1024)).toBe(first);
    expect(log.nextEntries()).toBe(first);
  });

  it("is not that of a smaller limit, of another range or of a longer log", () => {
    const log = logOf(entry(1), entry(2), entry(3));
    expect(log.slice(1, 4, 1)).toEqual([entry(1)]);
    expect(log.slice(1, 4, 1024)).toEqual([entry(1), entry(2), entry(3)]);
    expect(log.slice(1, 4, 1)).toEqual([entry(1)]);
    expect(log.slice(2, 4, 1)).toEqual([entry(2)]);
    log.truncateAndAppend([entry(4)]);
    expect(log.nextEntries()).toEqual([entry(1), entry(2), entry(3), entry(4)]);
  });

  it("stays as it was when its entries are replaced, and is not handed out again", () => {
    const log = logOf(entry(1), entry(2), entry(3));
    const old = log.slice(1, 4, 1024);
    log.truncateAndAppend([entry(2, 2), entry(3, 2)]);
    expect(log.slice(1, 4, 1024)).toEqual([entry(1), entry(2, 2), entry(3, 2)]);
    log.truncateAndAppend([entry(1, 3), entry(2, 3), entry(3, 3)]);
    expect(log.slice(1, 4, 1024)).toEqual([entry(1, 3), entry(2, 3), entry(3, 3)]);
    expect(old).toEqual([entry(1), entry(2), entry(3)]);
  });

  it("is not handed out again after a write has made it durable", () => {
    const log = logOf(entry(1), entry(2));
    log.slice(1, 3, 1024);
    log.stableTo({ index: 2, term: 1 });
    log.truncateAndAppend([entry(1, 2), entry(2, 2)]);
    expect(log.slice(1, 3, 1024)).toEqual([entry(1, 2), entry(2, 2)]);
  });
});
