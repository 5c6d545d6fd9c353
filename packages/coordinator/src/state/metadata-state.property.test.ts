import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ACCOUNT, createCommand, formCommand, nodeRecord } from "../testing/samples.ts";
import type { Command } from "./command.ts";
import { encodeCommand } from "./command.ts";
import type { CommittedEntry } from "./metadata-state.ts";
import { MetadataState } from "./metadata-state.ts";

const SEED = 20_260_826;

const streamName = fc.constantFrom("a", "b", "c");
const streamId = fc.constantFrom("id-1", "id-2", "");
const nodeId = fc.integer({ min: 1, max: 4 });
const incarnation = fc.constantFrom("disk-1", "disk-2", "disk-3", "disk-4");
const nowMs = fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 });
const target = fc.record({ account: fc.constant(ACCOUNT), streamName, streamId });
const small = fc.integer({ min: 1, max: 12 });

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constantFrom("c1", "c2").map((clusterId) => formCommand({ clusterId })),
  fc.record({ nodeId, incarnation, bootEpoch: small }).map((of) => ({
    kind: "register-node" as const,
    node: nodeRecord(of.nodeId, of),
  })),
  fc.record({
    kind: fc.constant("set-node-state" as const),
    nodeId,
    incarnation,
    state: fc.constantFrom("active", "draining"),
  }),
  fc.record({ streamName, streamId, nowMs }).map((of) => createCommand(of)),
  target.map((of) => ({ kind: "activate-stream" as const, ...of })),
  fc.tuple(target, nowMs).map(([of, at]) => ({ kind: "delete-stream" as const, ...of, nowMs: at })),
  fc.tuple(target, nowMs).map(([of, at]) => ({ kind: "remove-stream" as const, ...of, nowMs: at })),
  fc.record({
    kind: fc.constant("update-retention" as const),
    account: fc.constant(ACCOUNT),
    streamName,
    retentionHours: fc.integer({ min: 24, max: 60 }),
    direction: fc.constantFrom("increase", "decrease"),
  }),
  fc.record({
    kind: fc.constant("update-tags" as const),
    account: fc.constant(ACCOUNT),
    streamName,
    set: fc.dictionary(fc.constantFrom("x", "y", "__proto__"), fc.string({ maxLength: 3 })),
    remove: fc.array(fc.constantFrom("x", "y"), { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant("report-replicas" as const),
    nodeId,
    incarnation,
    replicas: fc.array(
      fc.record({
        groupId: small,
        replicaId: fc.integer({ min: 1, max: 30 }),
        state: fc.constantFrom("created", "lost", "damaged", "removed"),
        leading: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
  }),
  fc.record({ kind: fc.constant("advance-trim-clock" as const), nowMs }),
  fc.record({
    kind: fc.constant("drop-tombstones" as const),
    groupIds: fc.array(small, { maxLength: 3 }),
  }),
);

const log = fc
  .array(command, { maxLength: 60 })
  .map((commands) => [formCommand(), ...commands])
  .map((commands): readonly CommittedEntry[] =>
    commands.map((each, at) => ({ term: 1, index: at + 1, data: encodeCommand(each, 0) })),
  );

describe(`the metadata state machine, seed ${SEED}`, () => {
  it("gives equal bytes on every replica, also on one restored midway (S2 for metadata)", () => {
    fc.assert(
      fc.property(log, fc.nat(), (entries, cut) => {
        const straight = new MetadataState();
        straight.apply(entries);
        const oneByOne = new MetadataState();
        for (const entry of entries) oneByOne.apply([entry]);
        expect(oneByOne.snapshot()).toEqual(straight.snapshot());

        const at = cut % entries.length;
        const first = new MetadataState();
        first.apply(entries.slice(0, at));
        const restored = new MetadataState();
        restored.restore(first.snapshot(), at);
        restored.apply(entries.slice(at));
        expect(restored.snapshot()).toEqual(straight.snapshot());
        expect(new Map(restored.tombstones)).toEqual(new Map(straight.tombstones));
        expect([...restored.unsettledStreams.keys()].sort()).toEqual(
          [...straight.unsettledStreams.keys()].sort(),
        );
        expect(restored.streamCount).toBe(straight.streamCount);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("gives out group and replica ids once, and drops no group without a tombstone (S13)", () => {
    fc.assert(
      fc.property(log, (entries) => {
        const state = new MetadataState();
        const seenGroups = new Set<number>();
        for (const entry of entries) {
          const before = new Set(state.view.list("shard").map(({ groupId }) => groupId));
          state.apply([entry]);
          const now = state.view.list("shard").map(({ groupId }) => groupId);
          for (const groupId of now) {
            if (before.delete(groupId)) continue;
            expect(seenGroups.has(groupId)).toBe(false);
            seenGroups.add(groupId);
          }
          for (const gone of before) expect(state.tombstones.has(gone)).toBe(true);
          const replicaIds = state.view
            .list("shard")
            .flatMap(({ replicas }) => replicas.map(({ replicaId }) => replicaId));
          expect(new Set(replicaIds).size).toBe(replicaIds.length);
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("owns every hash key of an ACTIVE stream by exactly one open shard (S10)", () => {
    fc.assert(
      fc.property(log, (entries) => {
        const state = new MetadataState();
        state.apply(entries);
        for (const stream of state.view.list("stream")) {
          if (stream.status !== "ACTIVE") continue;
          let next = 0n;
          for (const { range, state: word } of state.view.shards(stream.streamId)) {
            expect([word, range.startingHashKey]).toEqual(["open", next]);
            next = range.endingHashKey + 1n;
          }
          expect(next).toBe(1n << 128n);
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});
