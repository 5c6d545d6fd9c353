import { describe, expect, it } from "vitest";

import type { ReshardInput } from "./reshard-step.ts";
import { RESHARD_TIMING_DEFAULT, reshardStep } from "./reshard-step.ts";
import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { MetadataState } from "./state/metadata-state.ts";
import { ACCOUNT, createCommand, formCommand } from "./testing/samples.ts";

const target = { account: ACCOUNT, streamName: "orders", streamId: "id-1" };
const NOW = 1_700_000_200_000;
const HOUR_MS = 3_600_000;

class Machine {
  readonly state = new MetadataState();

  do(...commands: readonly Command[]): this {
    for (const command of commands) {
      const index = this.state.view.index + 1;
      this.state.apply([{ term: 1, index, data: encodeCommand(command, 0) }]);
    }
    return this;
  }

  /** All replicas that are ordered are there, and the first of each group leads. */
  confirm(): this {
    for (const { groupId, replicas } of this.state.view.shards("id-1")) {
      for (const [at, { replicaId, nodeId }] of replicas.entries()) {
        const said = { groupId, replicaId, state: "created" as const, leading: at === 0 };
        const of = { nodeId, incarnation: `disk-${nodeId}` };
        this.do({ kind: "report-replicas", ...of, replicas: [said] });
      }
    }
    return this;
  }

  step(nowMs: number, alive: readonly number[] = [1, 2, 3]): ReturnType<typeof reshardStep> {
    const input: ReshardInput = {
      state: this.state,
      timing: RESHARD_TIMING_DEFAULT,
      nowMs,
      isAlive: (nodeId) => alive.includes(nodeId),
    };
    return reshardStep(input);
  }
}

/** One shard with its split under way. */
function splitting(): Machine {
  const machine = new Machine().do(formCommand(), createCommand({ placements: [[0, 1, 2]] }));
  return machine.confirm().do(
    { kind: "activate-stream", ...target },
    {
      kind: "start-reshard",
      ...target,
      parentShardIndexes: [0],
      nowMs: NOW,
      brokers: [1, 2, 3].map((nodeId) => ({ nodeId, incarnation: `disk-${nodeId}` })),
      placements: [
        [0, 1, 2],
        [1, 2, 0],
      ],
    },
  );
}

function split(): Machine {
  const machine = splitting()
    .confirm()
    .do({ kind: "seal-parents", ...target });
  const { groupId } = machine.state.view.shards("id-1")[0] ?? { groupId: 0 };
  const seal = { epoch: 3, endOffset: 1, lastArrivalMs: NOW, nowMs: NOW };
  return machine.do({ kind: "report-seal", groupId, ...seal });
}

describe("the next step of a split or merge", () => {
  it("waits for the children, and takes the whole back when they do not come", () => {
    const machine = splitting();
    const patienceMs = RESHARD_TIMING_DEFAULT.reshardPatienceMs;
    expect(machine.step(NOW + 1000)).toEqual({ kind: "wait", waitMs: patienceMs - 1000 });
    const nowMs = NOW + patienceMs;
    expect(machine.step(nowMs)).toEqual({ kind: "cancel-reshard", ...target, nowMs });
  });

  it("orders the seals as soon as all children can open, and nothing more after that", () => {
    const machine = splitting().confirm();
    expect(machine.step(NOW + 1e9)).toEqual({ kind: "seal-parents", ...target });
    machine.do({ kind: "seal-parents", ...target });
    expect(machine.step(NOW + 1e9)).toEqual({ kind: "wait", waitMs: Infinity });
  });

  it("orders no seal while a parent or child has lost its majority, and takes the whole back in the end", () => {
    const machine = splitting().confirm();
    const patienceMs = RESHARD_TIMING_DEFAULT.reshardPatienceMs;
    expect([
      machine.step(NOW, [3]),
      machine.step(NOW + patienceMs - 10, [3]),
      machine.step(NOW, [1, 3]),
      machine.step(NOW + patienceMs, [3]),
    ]).toEqual([
      { kind: "wait", waitMs: 500 },
      { kind: "wait", waitMs: 10 },
      { kind: "seal-parents", ...target },
      { kind: "cancel-reshard", ...target, nowMs: NOW + patienceMs },
    ]);
    // Sealed or about to be: what is under way cannot be taken back any more.
    machine.do({ kind: "seal-parents", ...target });
    expect(machine.step(NOW + patienceMs, [3])).toEqual({ kind: "wait", waitMs: Infinity });
  });
});

describe("closed shards", () => {
  it("go once retention has passed since they closed, by the clock that trims go by (S13)", () => {
    const machine = split();
    const expiresAtMs = NOW + 24 * HOUR_MS;
    const wait = { kind: "wait", waitMs: Infinity };
    expect(machine.step(expiresAtMs + HOUR_MS)).toEqual(wait); // trims have not come that far
    machine.do({ kind: "advance-trim-clock", nowMs: expiresAtMs - 1 });
    expect(machine.step(expiresAtMs + HOUR_MS)).toEqual(wait);
    machine.do({ kind: "advance-trim-clock", nowMs: expiresAtMs });
    expect(machine.step(expiresAtMs - 1)).toEqual(wait);
    const step = machine.step(expiresAtMs + HOUR_MS);
    const remove = { kind: "remove-shards", ...target, shardIndexes: [0], nowMs: expiresAtMs };
    expect(step).toEqual(remove);
    machine.do(step as Command);
    expect(machine.state.view.shards("id-1").map(({ shardIndex }) => shardIndex)).toEqual([1, 2]);
    expect(machine.step(expiresAtMs + HOUR_MS)).toEqual(wait);
    // A leader that starts from a snapshot knows the same.
    const other = split();
    other.state.restore(other.state.snapshot(), other.state.view.index);
    expect([...other.state.closedShards.keys()]).toEqual(["shard/id-1/0"]);
  });
});
