/* oxlint-disable no-restricted-imports, no-restricted-globals -- a program run by hand: it measures the real disk with the real clock */
/**
 * Append throughput of a lane against the bare disk: the same bytes through one synced write each.
 * Run by hand: `node --conditions=@millrace/source --import tsx packages/storage/src/node-disk.bench.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { NO_METRICS, SILENT_LOGGER } from "@millrace/base";
import { SeededRandom, VirtualClock } from "@millrace/base/testing";

import { LaneStorage } from "./lane-storage.ts";
import { NodeFileSystem } from "./node-file-system.ts";
import { createGroup, entry, fixtureMeta, recordData, write } from "./testing/lane-fixture.ts";

const TOTAL_BYTES = Number(process.env["BENCH_BYTES"] ?? 512 << 20);

interface Shape {
  readonly name: string;
  readonly entryBytes: number;
  readonly entriesPerSubmit: number;
}

const SHAPES: readonly Shape[] = [
  { name: "256 entries of 1 KiB per submit", entryBytes: 1 << 10, entriesPerSubmit: 256 },
  { name: "1 entry of 256 KiB per submit", entryBytes: 256 << 10, entriesPerSubmit: 1 },
  { name: "1 entry of 1 KiB per submit", entryBytes: 1 << 10, entriesPerSubmit: 1 },
];

const secondsSince = (startMs: number) => (performance.now() - startMs) / 1000;

/** Rewrites a filled file, as the WAL does. */
async function bareDisk(directory: string, writeBytes: number, count: number): Promise<number> {
  const disk = new NodeFileSystem();
  const path = join(directory, "bare");
  const span = 256 << 20;
  const fill = await disk.open(path, { mode: "read-write", create: "if-missing" });
  const zeros = Buffer.alloc(1 << 20);
  for (let at = 0; at < span; at += zeros.byteLength) await fill.write([zeros], at);
  await fill.sync();
  await fill.close();
  const file = await disk.open(path, { mode: "read-write", syncedWrites: true });
  const bytes = Buffer.alloc(writeBytes, 7);
  const start = performance.now();
  for (let done = 0, at = 0; done < count; done++) {
    if (at + writeBytes > span) at = 0;
    await file.write([bytes], at);
    at += writeBytes;
  }
  const seconds = secondsSince(start);
  await file.close();
  return seconds;
}

async function lane(directory: string, shape: Shape, count: number): Promise<number> {
  const storage = await LaneStorage.open({
    fileSystem: new NodeFileSystem(),
    clock: new VirtualClock(),
    random: new SeededRandom(1),
    metrics: NO_METRICS,
    logger: SILENT_LOGGER,
    directory: join(directory, "lane"),
    nodeId: 1,
    entryMeta: fixtureMeta,
  });
  const group = await createGroup(storage, 1);
  const data = recordData(0, 1, 1, shape.entryBytes, 3);
  const start = performance.now();
  let index = 1;
  for (let done = 0; done < count; done++) {
    const entries = Array.from({ length: shape.entriesPerSubmit }, () => entry(index++, 1, data));
    group.committed(entries[0]?.index ?? 0);
    await write(storage, { group, entries });
  }
  const seconds = secondsSince(start);
  const { flushes, walFiles, walSyncedWrites } = storage.stats();
  console.log(`  ${flushes} flushes, ${walFiles} WAL files, ${walSyncedWrites} synced writes`);
  await storage.close();
  return seconds;
}

const page = (bytes: number) => Math.ceil((bytes + 76) / 4080) * 4096;

for (const shape of SHAPES) {
  const submitBytes = shape.entryBytes * shape.entriesPerSubmit;
  const count = Math.min(4000, Math.floor(TOTAL_BYTES / submitBytes));
  const directory = mkdtempSync(join(tmpdir(), "lane-bench-"));
  try {
    const bare = await bareDisk(directory, page(submitBytes + shape.entriesPerSubmit * 16), count);
    const ours = await lane(directory, shape, count);
    const megabytes = (submitBytes * count) / 2 ** 20;
    console.log(
      `${shape.name}: lane ${(megabytes / ours).toFixed(0)} MB/s, bare disk ` +
        `${(megabytes / bare).toFixed(0)} MB/s, ratio ${(bare / ours).toFixed(2)}, ` +
        `${((ours / count) * 1e6).toFixed(0)} us per submit`,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}
