import { describe, expect, it } from "vitest";

import type { Call } from "./call.ts";
import { remainingMs } from "./call.ts";

describe("the time that a request may still wait", () => {
  const left = (elapsedMs: number, atMost: number) =>
    remainingMs(
      {
        clock: { monotonicMs: () => 1000 + elapsedMs },
        deadlines: { answerMs: 8000 },
        startedMs: 1000,
      } as Call,
      atMost,
    );

  it("is what one wait may take, cut by what the whole request has left, and never nothing", () => {
    expect([left(0, 5000), left(2999.5, 5000), left(6000, 5000), left(9000, 5000)]).toEqual([
      5000, 5000, 2000, 1,
    ]);
  });
});
