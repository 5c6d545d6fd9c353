import type { FileSystem } from "@millrace/base";

/** All bytes of a small file, or `undefined` when there is none. */
export async function readWholeFile(
  fileSystem: FileSystem,
  path: string,
): Promise<Buffer | undefined> {
  const bytes = await fileSystem.sizeOf(path);
  if (bytes === undefined) return undefined;
  const file = await fileSystem.open(path, { mode: "read" });
  try {
    const buffer = Buffer.alloc(bytes);
    const filled = await file.read(buffer, 0);
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/** Removes a file that may already be gone. */
export async function removeIfPresent(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.sizeOf(path)) !== undefined) await fileSystem.remove(path);
}

/** Whether a system's error says that the bytes are not there to read. */
export function isUnreadable(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && (error.code === "EIO" || error.code === "ENOENT")
  );
}
