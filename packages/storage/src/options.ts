import { requireWithin, safeInteger, StreamError } from "@millrace/base";

import {
  IMPORT_PART_BYTES,
  PAGE_BYTES,
  SHARD_SEGMENT_THRESHOLD_BYTES_DEFAULT,
  TAIL_CACHE_BYTES_DEFAULT,
  WAL_FILE_BYTES_DEFAULT,
  WAL_FILE_BYTES_MAX,
  WAL_FILE_BYTES_MIN,
  WAL_FILES_MAX_DEFAULT,
} from "./limits.ts";
import type { LaneStorageOptions } from "./types.ts";

export type ResolvedOptions = Required<LaneStorageOptions>;

/** @throws StreamError `invalid-argument`, naming option, value and bound. */
export function resolveOptions(options: LaneStorageOptions): ResolvedOptions {
  const resolved = {
    walFileBytes: WAL_FILE_BYTES_DEFAULT,
    walFilesMax: WAL_FILES_MAX_DEFAULT,
    tailCacheBytes: TAIL_CACHE_BYTES_DEFAULT,
    shardSegmentThresholdBytes: SHARD_SEGMENT_THRESHOLD_BYTES_DEFAULT,
    importPartBytes: IMPORT_PART_BYTES,
    ...options,
  };
  safeInteger("nodeId", resolved.nodeId, 1, 65_535);
  safeInteger("walFileBytes", resolved.walFileBytes, WAL_FILE_BYTES_MIN, WAL_FILE_BYTES_MAX);
  safeInteger("walFilesMax", resolved.walFilesMax, 2, 64);
  requireWithin("tailCacheBytes", resolved.tailCacheBytes, 0, 2 ** 40);
  requireWithin("shardSegmentThresholdBytes", resolved.shardSegmentThresholdBytes, 1, 2 ** 40);
  requireWithin("importPartBytes", resolved.importPartBytes, 1, 2 ** 40);
  if (resolved.walFileBytes % PAGE_BYTES !== 0) {
    throw new StreamError(
      "invalid-argument",
      `walFileBytes is ${resolved.walFileBytes}, but must be a multiple of ${PAGE_BYTES}`,
    );
  }
  return resolved;
}
