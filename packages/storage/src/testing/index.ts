export { diskError, MemoryFileSystem } from "./memory-file-system.ts";
export type { CrashOptions, FileOperation, MemoryFileSystemOptions } from "./memory-file-system.ts";
