export { CountingFileSystem } from "./counting-file-system.ts";
export type { FileClass, FileClassCounts } from "./counting-file-system.ts";
export { DelayedSyncFileSystem } from "./delayed-sync-file-system.ts";
export type { GroupLog } from "./group-log.ts";
export type * from "./healing-types.ts";
export { inspectWal } from "./inspect-wal.ts";
export type { InspectedBatch } from "./inspect-wal.ts";
export { LaneStorage } from "./lane-storage.ts";
export {
  DESCRIPTION_BYTES_MAX,
  ENTRY_BYTES_MAX,
  FETCH_BYTES_MAX,
  IMPORT_CHUNK_BYTES_MAX,
  IMPORTS_MAX,
  STATE_BYTES_MAX,
} from "./limits.ts";
export { NodeFileSystem } from "./node-file-system.ts";
export type { DamagedGroup } from "./quarantine.ts";
export { PowerCutFileSystem } from "./power-cut-file-system.ts";
export type { PowerCutOptions } from "./power-cut-file-system.ts";
export { SwitchedFileSystem } from "./switched-file-system.ts";
export type * from "./types.ts";
