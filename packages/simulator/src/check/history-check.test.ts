import { describe, expect, it } from "vitest";

import type { FetchEvent, HistoryEvent, PutEvent } from "../history.ts";
import type { FinalShard, Finals } from "./history-check.ts";
import { checkHistory } from "./history-check.ts";

const HOUR_MS = 3_600_000;
const base = { process: "p1", stream: "s", shard: 0 };

/** A put that began at `atMs` and was answered a millisecond later. */
function put(id: number, values: readonly string[], atMs: number, outcome: Partial<PutEvent>) {
  const invoke: PutEvent = { ...base, timeMs: atMs, id, op: "put", kind: "invoke", values };
  return [invoke, { ...invoke, timeMs: atMs + 1, ...outcome }];
}
const ok = (offset: number, accepted = 1): Partial<PutEvent> => ({
  kind: "ok",
  offset,
  accepted,
  calendarMs: 0,
});

function fetched(id: number, from: number, answer: Partial<FetchEvent>): FetchEvent {
  const { values = [], offset = from } = answer;
  const endOffset = offset + values.length;
  const told = { ...base, process: "c1", timeMs: 100 + id, id, op: "fetch", kind: "ok" } as const;
  return { ...told, from, follows: false, offset, values, endOffset, trimOffset: 0, ...answer };
}

function finals(leader: FinalShard, replicas: Record<number, FinalShard> = {}, hours = 0): Finals {
  const each = new Map(Object.entries(replicas).map(([node, held]) => [Number(node), held]));
  return {
    shards: new Map([["s/0", leader]]),
    replicas: new Map([["s/0", each]]),
    calendarMs: hours * HOUR_MS,
    retentionMs: 24 * HOUR_MS,
  };
}
const whole = (...values: string[]): FinalShard => ({ trimOffset: 0, values });
const rules = (history: readonly HistoryEvent[], end: Finals) =>
  checkHistory(history, end).violations.map((sentence) => sentence.split(":", 1)[0]);

const three = [
  ...put(0, ["p1-0"], 0, ok(0)),
  ...put(1, ["p1-1"], 10, ok(1)),
  ...put(2, ["p1-2"], 20, ok(2)),
];

describe("the check of a history (classes of jepsen.tests.kafka)", () => {
  it("finds nothing where everything is as told", () => {
    const held = whole("p1-0", "p1-1", "p1-2");
    const history = [...three, fetched(3, 0, { values: ["p1-0", "p1-1", "p1-2"] })];
    expect(checkHistory(history, finals(held, { 1: held, 2: held }))).toEqual({
      acknowledged: 3,
      violations: [],
    });
  });

  it("finds lost-write (S1): an acknowledged value that is gone from end, middle or start", () => {
    expect(rules(three, finals(whole("p1-0", "p1-1")))).toEqual(["lost-write postfix"]);
    const middle = checkHistory(three, finals({ trimOffset: 0, values: ["p1-0"] })).violations;
    expect(middle).toHaveLength(2);
    expect(rules(three, finals(whole("p1-0", "p9-1", "p1-2")))).toContain("lost-write middle");
    expect(rules(three, finals(whole("p9-0", "p1-1", "p1-2")))).toContain("lost-write prefix");
  });

  it("finds lost-write on one replica alone", () => {
    const held = whole("p1-0", "p1-1", "p1-2");
    const found = checkHistory(three, finals(held, { 1: held, 2: whole("p1-0", "p1-1") }));
    expect(found.violations).toEqual([
      "lost-write postfix: p1-2 of operation 2 of p1, s/0 at 2, is missing for node 2",
    ]);
  });

  it("lets go what was trimmed after its retention, and finds trimmed-early (S9)", () => {
    const held = { trimOffset: 2, values: ["p1-2"] };
    expect(rules(three, finals(held, {}, 25))).toEqual([]);
    expect(rules(three, finals(held, {}, 23))).toEqual(["trimmed-early", "trimmed-early"]);
  });

  it("finds duplicate: a value at two places", () => {
    expect(rules(three, finals(whole("p1-0", "p1-1", "p1-2", "p1-0")))).toEqual(["duplicate"]);
  });

  it("finds inconsistent-offset (S2): two values at one place, whoever says so", () => {
    const history = [
      ...three,
      ...put(3, ["p1-3"], 30, { kind: "info" }),
      fetched(4, 3, { values: ["p1-3"] }),
      ...put(5, ["p1-4"], 40, { kind: "info" }),
      fetched(6, 3, { values: ["p1-4"] }),
    ];
    const held = whole("p1-0", "p1-1", "p1-2", "p1-3");
    expect(rules(history, finals(held))).toEqual(["inconsistent-offset"]);
  });

  it("finds G1a (S4): a value that was refused and is seen all the same", () => {
    const history = [...three, ...put(3, ["p1-3"], 30, { kind: "fail", error: "unavailable" })];
    expect(rules(history, finals(whole("p1-0", "p1-1", "p1-2", "p1-3")))).toEqual(["G1a"]);
    const read = [...history, fetched(4, 3, { values: ["p1-3"] })];
    expect(rules(read, finals(whole("p1-0", "p1-1", "p1-2")))).toEqual(["G1a"]);
    const throttled = put(3, ["p1-3", "p1-4"], 30, ok(3, 1));
    const held = whole("p1-0", "p1-1", "p1-2", "p1-3", "p1-4");
    expect(rules([...three, ...throttled], finals(held))).toEqual(["G1a"]);
  });

  it("finds phantom (S4): a value that nobody submitted", () => {
    expect(rules(three, finals(whole("p1-0", "p1-1", "p1-2", "p9-0")))).toEqual(["phantom"]);
  });

  it("lets a value be there whose put nobody could decide, early, late or not at all", () => {
    const unknown = put(3, ["p1-3"], 30, { kind: "info", error: "deadline" });
    const unanswered = put(3, ["p1-3"], 30, {}).slice(0, 1);
    for (const open of [unknown, unanswered]) {
      const history = [...three, ...open, ...put(4, ["p1-4"], 40, ok(3))];
      const held = ["p1-0", "p1-1", "p1-2", "p1-4"];
      expect(rules(history, finals(whole(...held)))).toEqual([]);
      expect(rules(history, finals(whole(...held, "p1-3")))).toEqual([]);
    }
  });

  it("finds unexpected-value: a record whose bytes are not those that were submitted", () => {
    const wrong = ["unexpected-value: p1-0 has 3 bytes, not 4"];
    const history = [...three, fetched(3, 0, { values: ["p1-0"], wrong })];
    expect(rules(history, finals(whole("p1-0", "p1-1", "p1-2")))).toEqual(["unexpected-value"]);
  });

  it("finds poll-skip (S3, S5), unless the shard was trimmed so far", () => {
    const held = finals(whole("p1-0", "p1-1", "p1-2"));
    const page = { follows: true, offset: 2, values: ["p1-2"] };
    expect(rules([...three, fetched(3, 1, page)], held)).toEqual(["poll-skip"]);
    expect(rules([...three, fetched(3, 1, { ...page, trimOffset: 2 })], held)).toEqual([]);
    expect(rules([...three, fetched(3, 1, { ...page, follows: false })], held)).toEqual([]);
  });

  it("finds nonmonotonic-poll (S5): a page from before, or an end that goes back", () => {
    const held = finals(whole("p1-0", "p1-1", "p1-2"));
    const before = fetched(3, 1, { follows: true, offset: 0, values: ["p1-0"], endOffset: 3 });
    expect(rules([...three, before], held)).toEqual(["nonmonotonic-poll"]);
    const ends = [fetched(3, 0, { endOffset: 3 }), fetched(4, 0, { endOffset: 2 })];
    expect(rules([...three, ...ends], held)).toEqual(["nonmonotonic-poll"]);
  });

  it("finds nonmonotonic-send (S3), but only where one put had ended before the other began", () => {
    const swapped = [...put(0, ["p1-0"], 0, ok(1)), ...put(1, ["p1-1"], 10, ok(0))];
    const held = finals(whole("p1-1", "p1-0"));
    expect(rules(swapped, held)).toEqual(["nonmonotonic-send"]);
    const overlapping = swapped.map((event) =>
      event.id === 0 && event.kind === "ok" ? { ...event, timeMs: 15 } : event,
    );
    expect(rules(overlapping, held)).toEqual([]);
  });
});
