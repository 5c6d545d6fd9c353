import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterAll, describe, expect, it } from "vitest";

import { clusterSecret, SEALED, SecretBox } from "./secret-box.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-secret-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("sealed values", () => {
  const box = new SecretBox("ab".repeat(32));
  const sealed = box.seal(SEALED.accessKey("AKIA1"), Buffer.from("s3cret"));

  it("opens with the same secret and label, and is not the plain text", () => {
    expect(box.open(SEALED.accessKey("AKIA1"), sealed).toString()).toBe("s3cret");
    expect(sealed.includes("s3cret")).toBe(false);
  });

  it("does not open under another secret, label, or with a flipped bit", () => {
    const damaged = Buffer.from(sealed);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    const corrupt = expect.objectContaining({ code: "corrupt" });
    expect(() => new SecretBox("cd".repeat(32)).open(SEALED.accessKey("AKIA1"), sealed)).toThrow(
      corrupt,
    );
    expect(() => box.open(SEALED.accessKey("AKIA2"), sealed)).toThrow(corrupt);
    expect(() => box.open(SEALED.accessKey("AKIA1"), damaged)).toThrow(corrupt);
    expect(() => box.open(SEALED.accessKey("AKIA1"), sealed.subarray(0, 5))).toThrow(corrupt);
  });
});

describe("the cluster secret file", () => {
  it("is made once, readable by its owner alone, and read again afterwards", () => {
    const path = join(directory, "nested", "cluster.secret");
    const made = clusterSecret(path);
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(clusterSecret(path)).toBe(made);
  });

  it("is one for all processes that start at once without a file", async () => {
    const path = join(directory, "raced");
    const source = fileURLToPath(new URL("secret-box.ts", import.meta.url));
    const script = `import { clusterSecret } from ${JSON.stringify(source)};
      process.stdout.write(clusterSecret(${JSON.stringify(path)}));`;
    const flags = ["--conditions=@millrace/source", "--import", "tsx", "--input-type=module"];
    const run = () => promisify(execFile)(process.execPath, [...flags, "--eval", script]);
    const answers = await Promise.all(Array.from({ length: 6 }, run));
    const secrets = new Set(answers.map(({ stdout }) => stdout));
    expect([...secrets]).toEqual([clusterSecret(path)]);
    expect(readdirSync(directory).filter((name) => name.startsWith("raced"))).toEqual(["raced"]);
  });

  it("refuses a file that holds something else", () => {
    const path = join(directory, "wrong");
    writeFileSync(path, "password");
    expect(() => clusterSecret(path)).toThrow("must hold 64 hexadecimal digits");
  });
});
