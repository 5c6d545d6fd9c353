/** What storage relies on in any file system: the real one, the one in memory and the simulated one pass it. */
import type { FileSystem } from "@millrace/base";
import { describe, expect, it } from "vitest";

export function fileSystemSuite(
  name: string,
  makeFolder: () => Promise<{ readonly fileSystem: FileSystem; readonly folder: string }>,
): void {
  describe(`the file system port: ${name}`, () => {
    it("writes several parts at a position and reads them back, with zeros in the gap", async () => {
      const { fileSystem, folder } = await makeFolder();
      const file = await fileSystem.open(`${folder}/a`, {
        mode: "read-write",
        create: "exclusive",
      });
      await file.write([Buffer.from("one"), Buffer.from("two")], 4);
      await file.sync();
      const bytes = Buffer.alloc(12, 9);
      expect(await file.read(bytes, 0)).toBe(10);
      expect(bytes.toString("latin1")).toBe("\0\0\0\0onetwo\t\t");
      expect([await file.read(bytes, 10), await file.size()]).toEqual([0, 10]);
      await file.truncate(2);
      await file.truncate(4);
      expect([await file.read(bytes, 0), bytes.toString("latin1", 0, 4)]).toEqual([4, "\0\0\0\0"]);
      await file.close();
    });

    it("keeps the three ways to open apart", async () => {
      const { fileSystem, folder } = await makeFolder();
      const path = `${folder}/b`;
      const open = (create?: "never" | "if-missing" | "exclusive") =>
        fileSystem.open(path, { mode: "read-write", ...(create && { create }) });
      await expect(open()).rejects.toMatchObject({ code: "ENOENT" });
      await (await open("if-missing")).close();
      await (await open("if-missing")).close();
      await expect(open("exclusive")).rejects.toMatchObject({ code: "EEXIST" });
      const readOnly = await fileSystem.open(path, { mode: "read" });
      await expect(readOnly.write([Buffer.from("x")], 0)).rejects.toMatchObject({ code: "EBADF" });
      await readOnly.close();
    });

    it("lists, renames over, removes and measures", async () => {
      const { fileSystem, folder } = await makeFolder();
      await fileSystem.makeDirectory(`${folder}/deep/er`);
      await fileSystem.makeDirectory(`${folder}/deep/er`);
      for (const name of ["z", "y"]) {
        const file = await fileSystem.open(`${folder}/deep/${name}`, {
          mode: "read-write",
          create: "if-missing",
          syncedWrites: true,
        });
        await file.write([Buffer.from(name.repeat(3))], 0);
        await file.close();
      }
      await fileSystem.rename(`${folder}/deep/z`, `${folder}/deep/y`);
      await fileSystem.syncDirectory(`${folder}/deep`);
      expect(await fileSystem.list(`${folder}/deep`)).toEqual(["er", "y"]);
      expect(await fileSystem.sizeOf(`${folder}/deep/y`)).toBe(3);
      expect(await fileSystem.sizeOf(`${folder}/deep/z`)).toBeUndefined();
      await fileSystem.remove(`${folder}/deep/y`);
      expect(await fileSystem.list(`${folder}/deep`)).toEqual(["er"]);
      await expect(fileSystem.list(`${folder}/none`)).rejects.toMatchObject({ code: "ENOENT" });
      await expect(fileSystem.remove(`${folder}/deep/y`)).rejects.toMatchObject({ code: "ENOENT" });
      const { freeBytes, totalBytes } = await fileSystem.space(folder);
      expect(freeBytes > 0 && freeBytes <= totalBytes).toBe(true);
    });
  });
}
