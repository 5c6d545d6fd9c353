/**
 * Commands in a shard's log, each the body of a command entry of @millrace/model, entry-data.ts.
 *
 *   TRIM (1)  byte 0         1      8        16             24         32
 *                  | version | 0..0 | offset | throughIndex | cutoffMs | arrivalFloorMs |
 *                  | u8      |      | u64    | u64          | u64      | u64            |
 *   SEAL (2)  byte 0         1          2      8       16       20       24
 *                  | version | children | 0..0 | epoch | child 0 | child 1 |
 *                  | u8      | u8       |      | u64   | u32     | u32     |
 *
 * Little-endian. Numbers of commands are never reused; an unknown command or version stops the
 * replica, because to skip what others apply would make the replicas differ (S2).
 */
import { assertNever, invariant, StreamError } from "@millrace/base";
import { commandEntry, safeU64, setSafeU64, viewOf } from "@millrace/model";

export const COMMAND_TRIM = 1;
export const COMMAND_SEAL = 2;
const VERSION = 1;
const TRIM_BYTES = 40;
const SEAL_BYTES = 24;
/** A split has two children. */
export const CHILDREN_MAX = 2;

/** Drops whole entries. Decided by the leader, the same on every replica once committed (S9). */
export interface TrimCommand {
  readonly kind: "trim";
  /** Oldest record that stays readable. */
  readonly offset: number;
  /** Last log index dropped; below the index of this command. */
  readonly throughIndex: number;
  /** Everything dropped arrived before this, epoch milliseconds. */
  readonly cutoffMs: number;
  /** At least the newest arrival dropped, at most the oldest kept: where a replica that starts at the trim point takes up E2. */
  readonly arrivalFloorMs: number;
}

/** Ends the shard: no record is accepted after it (S10). */
export interface SealCommand {
  readonly kind: "seal";
  /** The shard's epoch from then on. */
  readonly epoch: number;
  /** At most CHILDREN_MAX shard indexes: who takes records instead. */
  readonly childShardIndexes: readonly number[];
}

export type ShardCommand = TrimCommand | SealCommand;

/** The entry to propose. @param at the shard's next offset and the proposer's clock. */
export function encodeCommand(
  command: ShardCommand,
  at: { readonly baseOffset: number; readonly arrivalMs: number },
): Uint8Array {
  switch (command.kind) {
    case "trim":
      return commandEntry(COMMAND_TRIM, trimBody(command), at);
    case "seal":
      return commandEntry(COMMAND_SEAL, sealBody(command), at);
    default:
      return assertNever(command);
  }
}

/** @throws StreamError `unsupported` for a command or version of a later release, `corrupt` for a body that is too short. */
export function decodeCommand(command: number, body: Uint8Array): ShardCommand {
  if (command !== COMMAND_TRIM && command !== COMMAND_SEAL) {
    throw new StreamError("unsupported", `shard command ${command} is not known to this version`);
  }
  const bytes = command === COMMAND_TRIM ? TRIM_BYTES : SEAL_BYTES;
  if (body.byteLength < bytes) {
    throw new StreamError(
      "corrupt",
      `shard command ${command}: ${body.byteLength} bytes, not ${bytes}`,
    );
  }
  if (body[0] !== VERSION) {
    throw new StreamError(
      "unsupported",
      `shard command ${command}: version ${body[0]}, known is ${VERSION}`,
    );
  }
  const view = viewOf(body);
  if (command === COMMAND_SEAL) return decodeSeal(view);
  return {
    kind: "trim",
    offset: safeU64("offset", view, 8),
    throughIndex: safeU64("throughIndex", view, 16),
    cutoffMs: safeU64("cutoffMs", view, 24),
    arrivalFloorMs: safeU64("arrivalFloorMs", view, 32),
  };
}

function trimBody(command: TrimCommand): Uint8Array {
  const body = new Uint8Array(TRIM_BYTES);
  const view = viewOf(body);
  body[0] = VERSION;
  setSafeU64(view, 8, command.offset);
  setSafeU64(view, 16, command.throughIndex);
  setSafeU64(view, 24, command.cutoffMs);
  setSafeU64(view, 32, command.arrivalFloorMs);
  return body;
}

function sealBody({ epoch, childShardIndexes }: SealCommand): Uint8Array {
  invariant(
    childShardIndexes.length <= CHILDREN_MAX,
    () => `a seal names ${childShardIndexes.length} children, at most ${CHILDREN_MAX}`,
  );
  const body = new Uint8Array(SEAL_BYTES);
  const view = viewOf(body);
  body[0] = VERSION;
  body[1] = childShardIndexes.length;
  setSafeU64(view, 8, epoch);
  childShardIndexes.forEach((child, at) => view.setUint32(16 + at * 4, child, true));
  return body;
}

function decodeSeal(view: DataView): SealCommand {
  const count = view.getUint8(1);
  if (count > CHILDREN_MAX) {
    throw new StreamError("corrupt", `shard command ${COMMAND_SEAL}: ${count} children`);
  }
  const childShardIndexes = Array.from({ length: count }, (_, at) =>
    view.getUint32(16 + at * 4, true),
  );
  return { kind: "seal", epoch: safeU64("epoch", view, 8), childShardIndexes };
}
