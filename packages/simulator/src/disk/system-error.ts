/** Codes that a simulated disk answers with; `ESTALE` is what a dead process would get, could it ask. */
export type SystemErrorCode = "EBADF" | "EEXIST" | "EIO" | "ENOENT" | "ENOSPC" | "EROFS" | "ESTALE";

/** An error in the form in which the operating system reports it. */
export function systemError(code: SystemErrorCode, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code, path });
}
