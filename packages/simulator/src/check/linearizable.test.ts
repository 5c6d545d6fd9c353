import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { RegisterOperation } from "./linearizable.ts";
import { whyNotLinearizable } from "./linearizable.ts";

let nextId = 0;
const write = (value: string, beganMs: number, endedMs: number): RegisterOperation => ({
  id: nextId++,
  op: "write",
  value,
  beganMs,
  endedMs,
});
const read = (value: string | undefined, beganMs: number, endedMs: number): RegisterOperation => ({
  id: nextId++,
  op: "read",
  value,
  beganMs,
  endedMs,
});
const isFine = (history: readonly RegisterOperation[]) => whyNotLinearizable(history) === undefined;

/** The definition itself: some order of all operations respects time and reads what was written last. */
function isFineByDefinition(left: readonly RegisterOperation[], value?: string): boolean {
  if (left.every(({ endedMs }) => endedMs === Infinity)) return true;
  const firstEndMs = Math.min(...left.map(({ endedMs }) => endedMs));
  return left.some((next) => {
    if (next.beganMs > firstEndMs || (next.op === "read" && next.value !== value)) return false;
    const rest = left.filter((each) => each !== next);
    return isFineByDefinition(rest, next.op === "write" ? next.value : value);
  });
}

describe("a history of a register (S12; Gibbons and Korach, 1997)", () => {
  it("is linearizable when reads follow writes", () => {
    expect(isFine([read(undefined, 0, 1), write("a", 2, 3), read("a", 4, 5)])).toBe(true);
  });

  it("is not when a read misses a write that had ended", () => {
    expect(isFine([write("a", 0, 1), read(undefined, 2, 3)])).toBe(false);
  });

  it("is not when two reads see two writes in one order and then the other", () => {
    const history = [write("a", 0, 10), write("b", 0, 10), read("a", 11, 12), read("b", 13, 14)];
    expect([isFine(history), isFine(history.slice(0, 3))]).toEqual([false, true]);
  });

  it("is not when a read sees what is written later, or by nobody", () => {
    expect(isFine([read("a", 0, 1), write("a", 2, 3)])).toBe(false);
    expect(isFine([read("a", 0, 1)])).toBe(false);
  });

  it("lets a write without an answer come late, or never, but not go back", () => {
    const unknown = write("x", 0, Infinity);
    expect(isFine([unknown, read(undefined, 5, 6), read("x", 7, 8)])).toBe(true);
    expect(isFine([unknown, read(undefined, 5, 6)])).toBe(true);
    expect(isFine([unknown, read("x", 5, 6), read(undefined, 7, 8)])).toBe(false);
  });

  it("is found to be so, or not, as by trying every order", () => {
    const time = fc.integer({ min: 0, max: 30 });
    const operation = fc.record({
      isWrite: fc.boolean(),
      of: fc.integer({ min: -1, max: 3 }),
      beganMs: time,
      takesMs: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(Infinity)),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 7 }), (drawn) => {
        // No two moments are the same, as in a run.
        const history = drawn.flatMap(({ isWrite, of, beganMs, takesMs }, at) => {
          const beganAt = beganMs + at / 100;
          const endedAt = beganAt + takesMs + 0.5;
          if (isWrite) return [write(`v${at % 4}-${at}`, beganAt, endedAt)];
          return takesMs === Infinity ? [] : [read(String(of), beganAt, endedAt)];
        });
        const written = history.flatMap(({ op, value }) => (op === "write" ? [value] : []));
        const named = history.map((each) => {
          if (each.op === "write") return each;
          const which = Number(each.value);
          return { ...each, value: which < 0 ? undefined : written[which % (written.length || 1)] };
        });
        expect(isFine(named)).toBe(isFineByDefinition(named));
      }),
      { numRuns: 2000 },
    );
  });
});
