/**
 * Files as storage sees them. The production adapter is thin; the simulator's one loses unsynced
 * writes, tears them and runs out of space on purpose.
 *
 * Errors: every method rejects with the operating system's error (`code` such as `ENOSPC`, `EIO`). After
 * a failed `sync` or synced write nothing is known about the bytes: never retry (reference F.3).
 */
export interface OpenOptions {
  /** `read` refuses writes. */
  readonly mode: "read" | "read-write";
  /** `if-missing` makes an empty file, `exclusive` fails with `EEXIST`, `never` (the default) fails with `ENOENT`. */
  readonly create?: "never" | "if-missing" | "exclusive";
  /** Every write returns only when its bytes are durable (O_DSYNC): one system call writes and syncs. */
  readonly syncedWrites?: boolean;
  /** Permission bits of a new file. @default 0o600 */
  readonly permissions?: number;
}

export interface OpenFile {
  readonly path: string;
  /** Reads at `position` until `into` is full or the file ends; resolves with the bytes read. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `parts` back to back at `position`, in one system call where the system allows it. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  /** Makes bytes written so far durable (fdatasync). */
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface FileSystem {
  open(path: string, options: OpenOptions): Promise<OpenFile>;
  /** Names in a folder, sorted; rejects with `ENOENT` when it does not exist. */
  list(path: string): Promise<readonly string[]>;
  /** Makes the folder and the missing ones above it, mode 0700. */
  makeDirectory(path: string): Promise<void>;
  /** Atomic within a file system; durable after `syncDirectory` of both folders. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Makes the folder's entries (creations, renames, removals) durable. */
  syncDirectory(path: string): Promise<void>;
  /** Size in bytes, or `undefined` when there is no such file. */
  sizeOf(path: string): Promise<number | undefined>;
  /** Bytes that can still be written, and the size of the volume. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}
