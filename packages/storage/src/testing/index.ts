export { CrashModel } from "./crash-model.ts";
export { crashRun } from "./crash-run.ts";
export type { CrashDisk } from "./crash-run.ts";
export { laneOptions } from "./lane-fixture.ts";
export { diskError, MemoryFileSystem } from "./memory-file-system.ts";
export type { CrashOptions, FileOperation, MemoryFileSystemOptions } from "./memory-file-system.ts";
export { CRASH_POINTS, crashPointsOf } from "./crash-points.ts";
export type { CrashPoint, WatchedOperation } from "./crash-points.ts";
export type { HostHabits } from "./crash-model.ts";
