/**
 * The state of one shard, a pure function of its committed log.
 *
 * Every replica applies the same entries in the same order, so nothing here may depend on a clock, on
 * chance or on who leads. A violated invariant throws: the replica stops rather than serve a shard
 * that differs from its peers.
 *
 *   S3/E1  a records entry begins where the one before ended
 *   E2     arrival times never decrease
 *   S9     a trim moves only forward, by committed command alone
 *   S10    nothing follows a seal: records behind it in the log are refused, alike on every replica
 *   T1     the state at a trim point holds nothing about what was trimmed, so that a follower that
 *          starts from `trimSnapshot` and applies the rest of the log ends with equal bytes
 */
import { assertNever, invariant } from "@millrace/base";
import { ENTRY_HEADER_BYTES, entryBody, readEntryHeader, viewOf } from "@millrace/model";
import type { EntryHeader } from "@millrace/model";

import { batchCount, batchLength, batchProducer, batchSequence } from "./batch-walk.ts";
import { DedupTable } from "./dedup-table.ts";
import type { SealCommand, TrimCommand } from "./shard-commands.ts";
import { decodeCommand } from "./shard-commands.ts";
import type { ShardFields } from "./shard-snapshot.ts";
import { decodeShardSnapshot, EMPTY_FIELDS, encodeShardSnapshot } from "./shard-snapshot.ts";

/** What an applied entry did, for the one who must act on it. */
export type ApplyEffect = "records" | "refused" | "trimmed" | "sealed" | "nothing";

export class ShardState {
  readonly dedup = new DedupTable();
  #fields: Mutable<ShardFields> = { ...EMPTY_FIELDS };

  get nextOffset(): number {
    return this.#fields.nextOffset;
  }
  get lastArrivalMs(): number {
    return this.#fields.lastArrivalMs;
  }
  get trimOffset(): number {
    return this.#fields.trimOffset;
  }
  get trimIndex(): number {
    return this.#fields.trimIndex;
  }
  get epoch(): number {
    return this.#fields.epoch;
  }
  get sealed(): boolean {
    return this.#fields.sealed;
  }
  /** Log index of the seal, 0 before. */
  get sealIndex(): number {
    return this.#fields.sealIndex;
  }
  get childShardIndexes(): readonly number[] {
    return this.#fields.childShardIndexes;
  }

  /** Whether what stands at `index` of the log comes too late to count (S10). */
  isBehindSeal(index: number): boolean {
    return this.#fields.sealed && index > this.#fields.sealIndex;
  }

  /** @throws InvariantViolation or StreamError when the entry cannot follow this state. */
  apply(index: number, data: Uint8Array): ApplyEffect {
    const header = readEntryHeader(data);
    if (header.kind === "records") {
      // A leader proposes none once it has proposed the seal; should one be there, nobody may count it.
      return this.#fields.sealed ? "refused" : this.#applyRecords(header, data);
    }
    const command = decodeCommand(header.command, entryBody(data));
    switch (command.kind) {
      case "trim":
        return this.#applyTrim(index, command);
      case "seal":
        return this.#applySeal(index, command);
      default:
        return assertNever(command);
    }
  }

  snapshot(): Uint8Array {
    return encodeShardSnapshot(this.#fields, this.dedup);
  }

  restore(bytes: Uint8Array): void {
    this.#fields = { ...decodeShardSnapshot(bytes, this.dedup) };
  }

  /** The state right after `throughIndex`, which must be the last trim's (T1). */
  trimSnapshot(throughIndex: number): Uint8Array {
    const now = this.#fields;
    invariant(
      throughIndex === now.trimIndex,
      () => `the trim point is ${now.trimIndex}, not ${throughIndex}`,
    );
    const sealed = now.sealed && now.sealIndex <= throughIndex;
    const then = {
      ...now,
      nextOffset: now.trimOffset,
      lastArrivalMs: now.arrivalFloorMs,
      sealed,
      epoch: sealed ? now.epoch : 0,
      sealIndex: sealed ? now.sealIndex : 0,
      childShardIndexes: sealed ? now.childShardIndexes : [],
    };
    return encodeShardSnapshot(then, undefined);
  }

  #applyRecords(header: EntryHeader, data: Uint8Array): ApplyEffect {
    const fields = this.#fields;
    invariant(
      header.baseOffset === fields.nextOffset,
      () => `an entry begins at offset ${header.baseOffset}, not ${fields.nextOffset} (E1)`,
    );
    invariant(
      header.arrivalMs >= fields.lastArrivalMs,
      () => `an entry arrived at ${header.arrivalMs}, before ${fields.lastArrivalMs} (E2)`,
    );
    this.dedup.expire(header.arrivalMs);
    const count = this.#recordProducers(header, data);
    invariant(
      count === header.count,
      () => `an entry of ${header.count} records holds ${count} (E1)`,
    );
    fields.nextOffset += count;
    fields.lastArrivalMs = header.arrivalMs;
    return "records";
  }

  #recordProducers({ batchCount: batches, baseOffset, arrivalMs }: EntryHeader, data: Uint8Array) {
    const view = viewOf(data);
    let at = ENTRY_HEADER_BYTES;
    let records = 0;
    for (let left = batches; left > 0; left--) {
      const length = batchLength(view, at);
      const count = batchCount(view, at);
      const producer = batchProducer(view, at);
      if (producer !== 0n) {
        const sequence = batchSequence(view, at);
        this.dedup.record(producer, {
          sequence,
          baseOffset: baseOffset + records,
          count,
          arrivalMs,
        });
      }
      records += count;
      at += length;
    }
    return records;
  }

  #applyTrim(index: number, command: TrimCommand): ApplyEffect {
    const fields = this.#fields;
    // A replica that started from a later trim point meets the earlier commands again.
    if (command.throughIndex <= fields.trimIndex) return "nothing";
    invariant(command.throughIndex < index, "a trim drops only what stands before it");
    invariant(
      command.offset >= fields.trimOffset && command.offset <= fields.nextOffset,
      () => `trim to ${command.offset} leaves ${fields.trimOffset}..${fields.nextOffset} (S9)`,
    );
    fields.trimOffset = command.offset;
    fields.trimIndex = command.throughIndex;
    fields.arrivalFloorMs = command.arrivalFloorMs;
    this.dedup.trim(command.offset);
    return "trimmed";
  }

  #applySeal(index: number, { epoch, childShardIndexes }: SealCommand): ApplyEffect {
    const fields = this.#fields;
    if (fields.sealed) return "nothing"; // proposed again by a later leader
    fields.sealed = true;
    fields.epoch = epoch;
    fields.childShardIndexes = childShardIndexes;
    fields.sealIndex = index;
    return "sealed";
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
