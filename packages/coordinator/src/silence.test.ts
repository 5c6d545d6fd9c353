import type { NodeRecord } from "@millrace/model";
import { describe, expect, it } from "vitest";

import { silenceMs, silenceStep } from "./silence.ts";

const NODE: NodeRecord = {
  nodeId: 3,
  incarnation: "inc3",
  bootEpoch: 1,
  roles: ["broker"],
  host: "h",
  zone: "",
  addresses: { rpc: "r", admin: "a" },
  pid: 1,
  dataDir: "",
  version: "",
  state: "active",
};

const hearing = (nowMs: number, silentMs: number) => ({
  nowMs,
  isAlive: () => silentMs < 5_000,
  silentMs: () => silentMs,
});

describe("the silence of a process", () => {
  it("is put into metadata once, from its last word on, and taken out when it is heard", () => {
    expect(silenceStep([NODE], hearing(100_000, 10_000))).toEqual({ kind: "wait", waitMs: 1 });
    const target = { kind: "set-node-silence", nodeId: 3, incarnation: "inc3" };
    expect(silenceStep([NODE], hearing(100_000, 10_001))).toEqual({
      ...target,
      silentSinceMs: 89_999,
    });
    const noted = { ...NODE, silentSinceMs: 89_999 };
    const forEver = { kind: "wait", waitMs: Infinity };
    expect(silenceStep([noted], hearing(900_000, 800_000))).toEqual(forEver);
    expect(silenceStep([noted], hearing(900_000, 10))).toEqual(target);
    expect(silenceStep([{ ...NODE, goal: "removed" }], hearing(9, 20_000))).toEqual(forEver);
  });

  it("is counted across leaders, once a new one has had the time to hear for itself", () => {
    const noted = { ...NODE, silentSinceMs: 100_000 };
    // Twenty minutes silent; this leader has led for two seconds, and then for eleven.
    expect(silenceMs(noted, hearing(1_300_000, 2_000))).toBe(2_000);
    expect(silenceMs(noted, hearing(1_309_000, 11_000))).toBe(1_209_000);
    // A wall clock that went back takes nothing from what the leader knows itself.
    expect(silenceMs(noted, hearing(50_000, 60_000))).toBe(60_000);
    expect(silenceMs(NODE, hearing(1_300_000, 60_000))).toBe(60_000);
  });
});
