/**
 * What each byte of a node's files is for, read from the bytes themselves: by the drawings of
 * packages/storage/FORMAT.md, with parsers of our own where a damaged node's judgement is on trial.
 *
 * A byte is live when something that the node may still count on, or serve, depends on it. The rest
 * is stamps that are proven otherwise, room behind the last batch, and what was given up.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { inspectWal, NodeFileSystem } from "@millrace/storage";
import type { InspectedBatch } from "@millrace/storage";

export const FILE_KINDS = [
  "identity",
  "wal-header",
  "wal-checkpoint",
  "wal-middle",
  "wal-last",
  "segment-header",
  "segment-frame",
  "segment-index",
  "segment-table",
  "segment-footer",
  "state",
  "wal-stamp",
  "wal-free",
  "segment-freed",
  "state-header",
  "state-freed",
  "trash",
] as const;
export type FileKind = (typeof FILE_KINDS)[number];

const PADDING: ReadonlySet<FileKind> = new Set([
  "wal-stamp",
  "wal-free",
  "segment-freed",
  "state-header",
  "state-freed",
  "trash",
]);

export const isLiveKind = (kind: FileKind): boolean => !PADDING.has(kind);

/** Bytes start..end - 1 of a file. */
export interface Span {
  readonly kind: FileKind;
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const PAGE_STAMP_BYTES = 16;
const SECTOR_STAMP_BYTES = 4;
const STATE_HEADER_BYTES = 32;
const SEGMENT_HEADER_BYTES = 64;
const SEGMENT_FOOTER_BYTES = 48;
const INDEX_ROW_BYTES = 32;

/** @throws what reading and parsing throws; the files of a running node may change meanwhile. */
export async function mapOfDisk(lane: string): Promise<readonly Span[]> {
  const log = await readLog(join(lane, "wal"));
  return [
    ...whole("identity", lane, (name) => name === "identity" || name === "identity.copy"),
    ...log.spans,
    ...whole("wal-free", join(lane, "wal"), (name) => !/^\d+\.wal$/.test(name)),
    ...segmentSpans(join(lane, "segments"), log),
    ...stateSpans(join(lane, "states"), log),
    ...whole("trash", join(lane, "trash"), () => true),
  ].filter(({ start, end }) => end > start);
}

/** Whether a byte of a live batch is one of the stamps, which the checksum proves without them. */
export function isStamp(position: number): boolean {
  const inPage = position % PAGE_BYTES;
  if (inPage >= PAGE_BYTES - PAGE_STAMP_BYTES) return true;
  return inPage % SECTOR_BYTES >= SECTOR_BYTES - SECTOR_STAMP_BYTES;
}

function whole(kind: FileKind, folder: string, wanted: (name: string) => boolean): Span[] {
  return namesIn(folder)
    .filter(wanted)
    .map((name) => {
      const path = join(folder, name);
      return { kind, path, start: 0, end: readFileSync(path).length };
    });
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .toSorted();
}

interface LogView {
  readonly spans: readonly Span[];
  readonly segments: ReadonlySet<number>;
  /** `groupId/replicaId` of replicas that exist. */
  readonly replicas: ReadonlySet<string>;
  /** Places of states that a restart may read, by file. */
  readonly states: ReadonlyMap<number, readonly { readonly start: number; readonly end: number }[]>;
}

type Frame = InspectedBatch["frames"][number];
type State = Extract<Frame, { readonly type: "snapshot-installed" }>["state"];

/** What the frames of all files, in order, leave behind. */
class Replayed {
  readonly segments = new Set<number>();
  readonly #replicas = new Map<number, { id: number; base: State; applied: State }>();
  freeBelow = 0;

  apply(frame: Frame): void {
    switch (frame.type) {
      case "lane-checkpoint":
        this.segments.clear();
        for (const id of frame.segments) this.segments.add(id);
        this.freeBelow = Math.max(this.freeBelow, frame.freeBelow);
        break;
      case "segments-changed":
        for (const id of frame.change.added) this.segments.add(id);
        for (const id of frame.change.removed) this.segments.delete(id);
        this.freeBelow = Math.max(this.freeBelow, frame.change.freeBelow);
        break;
      case "group-checkpoint":
      case "group-created": {
        const { groupId, replicaId, base, applied } = frame.group;
        this.#replicas.set(groupId, { id: replicaId, base, applied });
        break;
      }
      case "snapshot-installed":
      case "trimmed": {
        const replica = this.#replicas.get(frame.groupId);
        if (replica === undefined) break;
        replica.base = frame.state;
        if (replica.applied.index < frame.state.index) replica.applied = frame.state;
        break;
      }
      case "group-dropped":
        this.#replicas.delete(frame.groupId);
        break;
      default: // entries, hard states and quarantines name no other file
    }
  }

  get replicas(): ReadonlySet<string> {
    return new Set([...this.#replicas].map(([groupId, { id }]) => `${groupId}/${id}`));
  }

  states(): LogView["states"] {
    const found = new Map<number, { start: number; end: number }[]>();
    for (const { base, applied } of this.#replicas.values()) {
      // A restart takes the newer of the two; the older one is only a file that is still there.
      const { location } = applied.index >= base.index ? applied : base;
      if (location.kind !== "file") continue;
      const { fileId, position, length } = location;
      const list = found.get(fileId) ?? [];
      list.push({ start: position, end: position + length });
      found.set(fileId, list);
    }
    return found;
  }
}

async function readLog(folder: string): Promise<LogView> {
  const fileSystem = new NodeFileSystem();
  const replayed = new Replayed();
  const files: { path: string; number: number; ends: number[]; bytes: number }[] = [];
  for (const name of namesIn(folder).filter((one) => /^\d+\.wal$/.test(one))) {
    const path = join(folder, name);
    const ends = [PAGE_BYTES];
    for await (const batch of inspectWal(fileSystem, path)) {
      for (const frame of batch.frames) replayed.apply(frame);
      ends.push(batch.position + batch.header.length);
    }
    files.push({ path, number: Number.parseInt(name, 10), ends, bytes: readFileSync(path).length });
  }
  const used = files.filter(({ ends }) => ends.length > 1);
  const spans = files.flatMap((file): Span[] => {
    const { path, bytes, ends } = file;
    if (file.number < replayed.freeBelow) return [{ kind: "wal-free", path, start: 0, end: bytes }];
    return [
      { kind: "wal-header", path, start: 0, end: PAGE_BYTES },
      ...batchSpans(path, ends, file === used.at(-1)),
      { kind: "wal-free", path, start: ends.at(-1) ?? PAGE_BYTES, end: bytes },
    ];
  });
  const { segments, replicas } = replayed;
  return { spans, segments, replicas, states: replayed.states() };
}

function batchSpans(path: string, ends: readonly number[], isNewest: boolean): readonly Span[] {
  return ends.slice(1).flatMap((end, at): Span[] => {
    const isLast = isNewest && at === ends.length - 2;
    const kind = at === 0 ? "wal-checkpoint" : isLast ? "wal-last" : "wal-middle";
    const start = ends[at] ?? PAGE_BYTES;
    return [
      { kind, path, start, end },
      { kind: "wal-stamp", path, start, end },
    ];
  });
}

interface Extent {
  readonly path: string;
  readonly segmentId: number;
  readonly replica: string;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly frames: { readonly start: number; readonly end: number };
  readonly index: { readonly start: number; readonly end: number };
}

function segmentSpans(folder: string, log: LogView): readonly Span[] {
  const spans: Span[] = [];
  const extents: Extent[] = [];
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    const segmentId = Number.parseInt(name, 10);
    if (!log.segments.has(segmentId)) {
      spans.push({ kind: "segment-freed", path, start: 0, end: bytes.length });
      continue;
    }
    const footerAt = bytes.length - SEGMENT_FOOTER_BYTES;
    const tableAt = Number(bytes.readBigUInt64LE(footerAt + 24));
    spans.push({ kind: "segment-header", path, start: 0, end: SEGMENT_HEADER_BYTES });
    spans.push({ kind: "segment-table", path, start: tableAt, end: footerAt });
    spans.push({ kind: "segment-footer", path, start: footerAt, end: bytes.length });
    extents.push(...readExtents(path, segmentId, bytes, tableAt));
  }
  for (const extent of extents) {
    const isLive = log.replicas.has(extent.replica) && !isReplaced(extent, extents);
    const { path } = extent;
    spans.push({ kind: isLive ? "segment-frame" : "segment-freed", path, ...extent.frames });
    spans.push({ kind: isLive ? "segment-index" : "segment-freed", path, ...extent.index });
  }
  return spans;
}

/** A later segment holds some of the same entries: a repair, or a log that was installed anew. */
function isReplaced(extent: Extent, all: readonly Extent[]): boolean {
  return all.some(
    (other) =>
      other.segmentId > extent.segmentId &&
      other.replica === extent.replica &&
      other.firstIndex <= extent.lastIndex &&
      other.lastIndex >= extent.firstIndex,
  );
}

function readExtents(path: string, segmentId: number, bytes: Buffer, tableAt: number): Extent[] {
  const count = bytes.readUInt32LE(bytes.length - SEGMENT_FOOTER_BYTES + 32);
  const extents: Extent[] = [];
  let at = tableAt;
  for (let row = 0; row < count; row++) {
    const u64 = (field: number) => Number(bytes.readBigUInt64LE(at + field * 8));
    const [groupId, replicaId, firstIndex, lastIndex] = [u64(0), u64(1), u64(2), u64(3)];
    const [position, length, indexPosition] = [u64(8), u64(9), u64(10)];
    const indexRows = bytes.readUInt32LE(at + 88);
    const terms = bytes.readUInt32LE(at + 96);
    extents.push({
      path,
      segmentId,
      replica: `${groupId}/${replicaId}`,
      firstIndex,
      lastIndex,
      frames: { start: position, end: position + length },
      index: { start: indexPosition, end: indexPosition + indexRows * INDEX_ROW_BYTES },
    });
    at += 100 + terms * 16;
  }
  return extents;
}

function stateSpans(folder: string, log: LogView): readonly Span[] {
  return namesIn(folder).flatMap((name): Span[] => {
    const path = join(folder, name);
    const live = log.states.get(Number.parseInt(name, 10)) ?? [];
    if (live.length === 0) {
      return [{ kind: "state-freed", path, start: 0, end: readFileSync(path).length }];
    }
    return [
      // The log has place, length and checksum of each state: nobody goes by the header.
      { kind: "state-header", path, start: 0, end: STATE_HEADER_BYTES },
      ...live.map(({ start, end }): Span => ({ kind: "state", path, start, end })),
    ];
  });
}
