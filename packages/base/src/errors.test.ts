import { describe, expect, it } from "vitest";

import { asStreamError, isErrorCode, offset, safeInteger, StreamError } from "./index.ts";

describe("checks of numbers from outside", () => {
  it("accepts whole numbers within the bounds", () => {
    expect(safeInteger("limit", 10, 1, 10)).toBe(10);
    expect(offset(0)).toBe(0);
  });

  it.each([1.5, -1, Number.NaN, 2 ** 53])("refuses %s, naming field, value and bound", (value) => {
    expect(() => safeInteger("term", value)).toThrow(
      new StreamError(
        "invalid-argument",
        `term is ${value}, but must be a whole number in 0..9007199254740991`,
      ),
    );
  });
});

describe("errors", () => {
  it("keeps a StreamError and wraps what is none as internal, with its cause", () => {
    const known = new StreamError("throttled", "slow down", { hint: { retryAfterMs: 5 } });
    const bug = new TypeError("x is undefined");
    expect(asStreamError(known)).toBe(known);
    expect(asStreamError(bug)).toMatchObject({ code: "internal", cause: bug });
  });

  it("knows its own codes only", () => {
    expect([isErrorCode("not-leader"), isErrorCode("toString")]).toEqual([true, false]);
  });
});
