import { VirtualClock } from "@millrace/base/testing";
import type { MetadataChange } from "@millrace/model";
import { MetadataView } from "@millrace/model";
import type { TailResponse } from "@millrace/proto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import { DeltaRing } from "./state/delta-ring.ts";
import { MetadataState } from "./state/metadata-state.ts";
import { TailServer } from "./tail-server.ts";
import { ACCOUNT, CLUSTER, createCommand, formCommand } from "./testing/samples.ts";

const SEED = 20_260_827;

type Step =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "empty" }
  | { readonly kind: "reconnect" }
  | { readonly kind: "drain"; readonly room: number }
  | { readonly kind: "pass"; readonly ms: number };

const name = fc.constantFrom("a", "b", "c");
const target = name.map((streamName) => ({ account: ACCOUNT, streamName, streamId: streamName }));
const command: fc.Arbitrary<Command> = fc.oneof(
  target.map((of) => createCommand(of)),
  target.map((of) => ({ kind: "delete-stream" as const, ...of, nowMs: 1 })),
  target.map((of) => ({ kind: "remove-stream" as const, ...of, nowMs: 1 })),
  fc
    .integer({ min: 0, max: 2e12 })
    .map((nowMs) => ({ kind: "advance-trim-clock" as const, nowMs })),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: command.map((each) => ({ kind: "command" as const, command: each })) },
  fc.constant({ kind: "empty" as const }),
  fc.constant({ kind: "reconnect" as const }),
  fc.record({ kind: fc.constant("drain" as const), room: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 700 }) }),
);

/** A reader as MetadataTail is one: takes a heartbeat's index for applied, never goes back. */
class Reader {
  readonly view = new MetadataView();
  room = 2;
  stop: () => void = () => undefined;
  resume: () => void = () => undefined;
  #parts: MetadataChange[] = [];

  send({ snapshot, delta, heartbeat }: TailResponse): boolean {
    const changes = (snapshot ?? delta)?.changes.map(({ key, value, deleted }) => ({
      key,
      json: deleted ? undefined : value.toString("utf8"),
    }));
    if (snapshot) this.#parts.push(...(changes ?? []));
    if (snapshot?.last === true) this.view.reset(snapshot.index, this.#parts.splice(0));
    if (delta) this.view.apply(delta.index, changes ?? []);
    if (heartbeat && this.view.ready) this.view.apply(heartbeat.index, []);
    return --this.room > 0;
  }
  onDrain(resume: () => void): void {
    this.resume = resume;
  }
  end(): void {
    this.stop = () => undefined;
  }
  forgetParts(): void {
    this.#parts = [];
  }
}

describe(`metadata tails, seed ${SEED}`, () => {
  it("show what the log made at their index, through resumption, slowness and lost deltas", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), run),
      { seed: SEED, numRuns: 400 },
    );
  });
});

function run(steps: readonly Step[], ringChanges: number): void {
  const clock = new VirtualClock();
  const state = new MetadataState(new MetadataView(), new DeltaRing(ringChanges, 1_000_000));
  const server = new TailServer({ clock, state, hasLeader: () => true });
  const reader = new Reader();
  const history = new Map<number, unknown>();

  const advance = (each: Command | undefined): void => {
    const index = state.view.index + 1;
    if (each !== undefined) state.apply([{ term: 1, index, data: encodeCommand(each, 0) }]);
    state.advanced(index);
    server.advanced();
    history.set(index, state.view.snapshot());
  };
  const connect = (): void => {
    reader.stop();
    reader.forgetParts();
    reader.room = 2;
    const fromIndex = reader.view.index;
    const request = { scope: "TAIL_SCOPE_INTERNAL", fromIndex, clusterId: "c1" } as const;
    reader.stop = server.open(request, CLUSTER, reader);
  };
  const compare = (): void => {
    if (reader.view.ready) {
      expect(reader.view.snapshot()).toEqual(history.get(reader.view.index));
    }
  };

  advance(formCommand());
  connect();
  for (const each of steps) {
    if (each.kind === "command") advance(each.command);
    else if (each.kind === "empty") advance(undefined);
    else if (each.kind === "reconnect") connect();
    else if (each.kind === "pass") clock.advance(each.ms);
    else {
      reader.room = each.room;
      reader.resume();
    }
    compare();
  }
  connect();
  reader.room = Infinity;
  reader.resume();
  clock.advance(1_000);
  expect(reader.view.index).toBe(state.view.index);
  compare();
  reader.stop();
}
