/**
 * The whole state as bytes: equal states give equal bytes, so replicas can be compared by checksum.
 *
 * JSON with a format version: the records sorted by key as they stand in the map, and the auxiliary
 * state. Storage frames it with a checksum and keeps the log index beside it; the index is not in
 * the bytes, because entries that change nothing would make them differ.
 */
import { StreamError } from "@millrace/base";
import type { MetadataChange, MetadataView } from "@millrace/model";

import type { Auxiliary } from "./draft.ts";

const FORMAT_VERSION = 1;

interface SnapshotJson {
  readonly v: number;
  readonly ledGroups: readonly number[];
  readonly lastCreatedAtSec: number;
  readonly removedCreatedAtSec: number;
  readonly records: readonly (readonly [string, string])[];
}

export interface DecodedSnapshot {
  readonly auxiliary: Auxiliary;
  readonly records: readonly MetadataChange[];
}

export function encodeSnapshot(view: MetadataView, auxiliary: Auxiliary): Uint8Array {
  const snapshot: SnapshotJson = {
    v: FORMAT_VERSION,
    ledGroups: [...auxiliary.ledGroups].sort((a, b) => a - b),
    lastCreatedAtSec: auxiliary.lastCreatedAtSec,
    removedCreatedAtSec: auxiliary.removedCreatedAtSec,
    records: view.snapshot().map(({ key, json }) => [key, json]),
  };
  return Buffer.from(JSON.stringify(snapshot));
}

/** @throws StreamError `corrupt` for bytes that are no snapshot, `unsupported` for a later version. */
export function decodeSnapshot(bytes: Uint8Array): DecodedSnapshot {
  const snapshot = parse(bytes);
  if (snapshot.v !== FORMAT_VERSION) {
    throw new StreamError(
      "unsupported",
      `metadata snapshot: format version ${snapshot.v}, known is ${FORMAT_VERSION}`,
    );
  }
  const { ledGroups, lastCreatedAtSec, removedCreatedAtSec, records } = snapshot;
  return {
    auxiliary: { ledGroups: new Set(ledGroups), lastCreatedAtSec, removedCreatedAtSec },
    records: records.map(([key, json]) => ({ key, json })),
  };
}

function parse(bytes: Uint8Array): SnapshotJson {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    return JSON.parse(text) as SnapshotJson; // written by encodeSnapshot alone, and checksummed since
  } catch (error) {
    const message = `metadata snapshot of ${bytes.byteLength} bytes is not JSON`;
    throw new StreamError("corrupt", message, { cause: error });
  }
}
