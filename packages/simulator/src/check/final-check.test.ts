import { describe, expect, it } from "vitest";

import type { HistoryEvent } from "../history.ts";
import { finalCheck } from "./final-check.ts";

const base = { timeMs: 0, process: "p1", stream: "s", shard: 0 };

function put(
  id: number,
  values: readonly string[],
  outcome: Partial<HistoryEvent>,
): HistoryEvent[] {
  const invoke: HistoryEvent = { ...base, id, op: "put", kind: "invoke", values };
  return [invoke, { ...invoke, ...outcome } as HistoryEvent];
}

const ok = (offset: number, accepted = 1) => ({ kind: "ok" as const, offset, accepted });
const check = (history: readonly HistoryEvent[], stored: readonly string[]) =>
  finalCheck(history, new Map([[0, stored]])).counts;
const none = { acknowledged: 0, lost: 0, duplicate: 0, reordered: 0, phantom: 0, changed: 0 };

describe("the final comparison", () => {
  const two = [...put(0, ["p1-0"], ok(0)), ...put(1, ["p1-1"], ok(1))];

  it("finds nothing where everything is as told", () => {
    expect(check(two, ["p1-0", "p1-1"])).toEqual({ ...none, acknowledged: 2 });
  });

  it("finds an acknowledged value that is gone, or elsewhere (F1)", () => {
    expect(check(two, ["p1-0"])).toEqual({ ...none, acknowledged: 2, lost: 1 });
    expect(check(two, ["p1-1", "p1-0"])).toMatchObject({ lost: 2, reordered: 1 });
  });

  it("finds a value that nobody submitted, or that was refused (F2)", () => {
    expect(check(two, ["p1-0", "p1-1", "p9-0"])).toMatchObject({ phantom: 1 });
    const refused = put(2, ["p1-2"], { kind: "fail", error: "unavailable" });
    expect(check([...two, ...refused], ["p1-0", "p1-1", "p1-2"])).toMatchObject({ phantom: 1 });
  });

  it("lets a value be there whose put nobody could decide", () => {
    const unknown = put(2, ["p1-2"], { kind: "info", error: "deadline" });
    const history = [...two, ...unknown];
    expect(check(history, ["p1-0", "p1-1", "p1-2"])).toEqual({ ...none, acknowledged: 2 });
    expect(check(history, ["p1-0", "p1-1"])).toEqual({ ...none, acknowledged: 2 });
    const late = [
      ...put(3, ["p1-3"], { kind: "info", error: "deadline" }),
      ...put(4, ["p1-4"], ok(0)),
    ];
    expect(check(late, ["p1-4", "p1-3"])).toEqual({ ...none, acknowledged: 1 }); // F4
  });

  it("finds a value that is there twice (F3)", () => {
    expect(check(two, ["p1-0", "p1-1", "p1-0"])).toMatchObject({ duplicate: 1 });
  });

  it("finds what a reader saw and is not there (F5)", () => {
    const read: HistoryEvent = {
      ...base,
      id: 3,
      op: "fetch",
      kind: "ok",
      from: 0,
      offset: 0,
      values: ["p1-0", "p1-7"],
      endOffset: 2,
    };
    expect(check([...two, read], ["p1-0", "p1-1"])).toMatchObject({ changed: 1 });
  });
});
