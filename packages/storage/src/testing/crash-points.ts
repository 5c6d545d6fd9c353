/**
 * The places of a lane's work at which a crash is worth a test of its own, each with a name.
 *
 * They are recognised from outside, by what is done to which kind of file, so the code under test
 * carries no hooks and a test sees exactly what a disk sees. What the log says is read from the batch
 * itself: the manifest, trims and groups have no files of their own here, they are frames.
 */
import { decodeFrames } from "../frames.ts";
import type { WalFrame } from "../frames.ts";
import { PAGE_BYTES } from "../limits.ts";
import { BATCH_FLAG_SEAL, framesOf, readBatchHeader } from "../wal-batch.ts";

/** One operation of a file system, whoever watches it. */
export interface WatchedOperation {
  readonly operation: string;
  readonly path: string;
  readonly to?: string;
  readonly position?: number;
  readonly parts?: readonly Uint8Array[];
  readonly synced?: boolean;
  readonly created?: boolean;
}

export const CRASH_POINTS = [
  "identity: new file made",
  "identity: written",
  "identity: synced",
  "identity: renamed",
  "identity: folder synced",
  "wal: file made",
  "wal: file taken for reuse",
  "wal: reused file cut to size",
  "wal: header written",
  "wal: zero-filled",
  "wal: prepared file synced",
  "wal: prepared file renamed",
  "wal: folder synced",
  "wal: rolled to the next file",
  "wal: file recycled",
  "wal: file removed",
  "wal: torn tail zeroed",
  "wal: end synced by recovery",
  "batch: checkpoint",
  "batch: seal",
  "batch: entries",
  "batch: moved entries",
  "batch: hard state",
  "batch: snapshot installed",
  "batch: log shipped",
  "batch: trim",
  "batch: group created",
  "batch: group dropped",
  "batch: manifest names segments",
  "batch: manifest drops segments",
  "batch: a WAL file freed",
  "segment: made",
  "segment: emptied",
  "segment: data written",
  "segment: index written",
  "segment: footer written",
  "segment: synced",
  "segment: folder synced",
  "segment: moved to the trash",
  "segment: trash folder synced",
  "import: part made",
  "import: part emptied",
  "import: header written",
  "import: frames written",
  "import: footer written",
  "import: part synced",
  "import: moved to the segments",
  "import: part removed",
  "import: folder synced",
  "state file: made",
  "state file: header written",
  "state file: state written",
  "state file: synced",
  "state file: folder synced",
  "state file: removed",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

const FRAME_POINTS: Partial<Record<WalFrame["type"], CrashPoint>> = {
  "lane-checkpoint": "batch: checkpoint",
  entries: "batch: entries",
  "moved-entries": "batch: moved entries",
  "hard-state": "batch: hard state",
  "snapshot-installed": "batch: snapshot installed",
  "log-shipped": "batch: log shipped",
  trimmed: "batch: trim",
  "group-created": "batch: group created",
  "group-dropped": "batch: group dropped",
};

/** What each operation on a kind of file means; the kind is the first pattern that fits the path. */
const FILES: readonly {
  readonly path: RegExp;
  readonly points: Readonly<Record<string, CrashPoint>>;
}[] = [
  {
    path: /\/identity\.new$/,
    points: {
      "open, made": "identity: new file made",
      write: "identity: written",
      sync: "identity: synced",
      rename: "identity: renamed",
    },
  },
  {
    path: /\/wal\/(new|spare)-\d+$/,
    points: {
      "open, made": "wal: file made",
      open: "wal: file taken for reuse",
      truncate: "wal: reused file cut to size",
      "write at 0": "wal: header written",
      write: "wal: zero-filled",
      sync: "wal: prepared file synced",
      rename: "wal: prepared file renamed",
    },
  },
  {
    path: /\/wal\/\d+\.wal$/,
    points: {
      "open, synced": "wal: rolled to the next file",
      write: "wal: torn tail zeroed",
      sync: "wal: end synced by recovery",
      rename: "wal: file recycled",
      remove: "wal: file removed",
    },
  },
  {
    path: /\/segments\/\d+\.seg$/,
    points: {
      "open, made": "segment: made",
      truncate: "segment: emptied",
      "write at 0": "segment: data written",
      sync: "segment: synced",
      rename: "segment: moved to the trash",
    },
  },
  {
    path: /\/incoming\/[-\d]+\.part$/,
    points: {
      "open, made": "import: part made",
      truncate: "import: part emptied",
      "write at 0": "import: header written",
      write: "import: frames written",
      sync: "import: part synced",
      rename: "import: moved to the segments",
      remove: "import: part removed",
    },
  },
  {
    path: /\/states\/\d+\.state$/,
    points: {
      "open, made": "state file: made",
      "write at 0": "state file: header written",
      write: "state file: state written",
      sync: "state file: synced",
      remove: "state file: removed",
    },
  },
  { path: /\/wal$/, points: { syncDirectory: "wal: folder synced" } },
  { path: /\/segments$/, points: { syncDirectory: "segment: folder synced" } },
  { path: /\/incoming$/, points: { syncDirectory: "import: folder synced" } },
  { path: /\/trash$/, points: { syncDirectory: "segment: trash folder synced" } },
  { path: /\/states$/, points: { syncDirectory: "state file: folder synced" } },
  { path: /^/, points: { syncDirectory: "identity: folder synced" } },
];

/** The crash points that an operation passes; a batch may pass several. */
export function crashPointsOf(watched: WatchedOperation): readonly CrashPoint[] {
  const { operation, path, parts, position, synced, created } = watched;
  const isWrite = operation === "write" && parts !== undefined;
  if (isWrite && synced === true && path.endsWith(".wal")) return pointsOfBatch(parts);
  if (isWrite && path.endsWith(".seg") && position !== 0) return [pointOfSegmentWrite(parts)];
  if (isWrite && path.endsWith(".part") && endsInFooter(parts)) return ["import: footer written"];
  const points = FILES.find((kind) => kind.path.test(path))?.points ?? {};
  const variants = [
    ...(operation === "open" && created === true ? ["open, made"] : []),
    ...(operation === "open" && synced === true ? ["open, synced"] : []),
    ...(operation === "write" && position === 0 ? ["write at 0"] : []),
    operation,
  ];
  for (const variant of variants) {
    const point = points[variant];
    if (point !== undefined) return [point];
  }
  return [];
}

function pointsOfBatch(parts: readonly Uint8Array[]): readonly CrashPoint[] {
  const batch = Buffer.concat(parts);
  const header = batch.byteLength < PAGE_BYTES ? undefined : readBatchHeader(batch, 0);
  if (header === undefined) return [];
  const points = new Set<CrashPoint>();
  if ((header.flags & BATCH_FLAG_SEAL) !== 0) points.add("batch: seal");
  for (const frame of decodeFrames(framesOf(batch, header), header.frameCount)) {
    const point = FRAME_POINTS[frame.type];
    if (point !== undefined) points.add(point);
    if (frame.type !== "segments-changed") continue;
    const { added, removed } = frame.change;
    if (added.length > 0) points.add("batch: manifest names segments");
    if (removed.length > 0) points.add("batch: manifest drops segments");
    if (added.length === 0 && removed.length === 0) points.add("batch: a WAL file freed");
  }
  return [...points];
}

/** A segment ends in its footer; what is neither that nor the first chunk is data or an index. */
function pointOfSegmentWrite(parts: readonly Uint8Array[]): CrashPoint {
  const first = parts[0]?.byteLength ?? 0;
  if (endsInFooter(parts)) return "segment: footer written";
  // Rows of the sparse index are 32 bytes each; a frame's header alone is 32, its data rarely fits.
  return parts.length === 1 && first % 32 === 0 && first <= 32 * 64
    ? "segment: index written"
    : "segment: data written";
}

function endsInFooter(parts: readonly Uint8Array[]): boolean {
  const last = parts.at(-1);
  return last?.byteLength === 48 && Buffer.from(last).toString("latin1", 0, 8) === "MILLREND";
}
