import { StreamError } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";
import { MetadataView } from "@millrace/model";
import { MetadataService } from "@millrace/proto";
import { describe, expect, it } from "vitest";

import { clientLimits } from "../options.ts";
import { CoordinatorCalls } from "./coordinator-calls.ts";

/** Endpoints none of which leads. */
function leaderless() {
  const clock = new VirtualClock();
  let asked = 0;
  const unary = {
    call: (): Promise<never> => {
      asked++;
      return Promise.reject(new StreamError("not-leader", "no leader is known"));
    },
  };
  const calls = new CoordinatorCalls({
    clock,
    random: new SeededRandom(1),
    unary,
    view: new MetadataView(),
    endpoints: ["a:1", "b:1"],
    limits: clientLimits(),
  });
  return { clock, calls, asked: () => asked };
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe("calls to the coordinator's leader", () => {
  it("end at once when the client closes, and leave no timer behind", async () => {
    const { clock, calls, asked } = leaderless();
    const call = calls.call(MetadataService.Barrier, {}, { deadlineMs: 10_000, repeatable: true });
    const outcome = call.then(
      () => "answered",
      (error: unknown) => error,
    );
    await settle();
    calls.close();
    expect(await outcome).toMatchObject({ code: "unavailable" });
    const before = asked();
    clock.advance(20_000);
    await settle();
    expect(asked()).toBe(before);
  });
});
