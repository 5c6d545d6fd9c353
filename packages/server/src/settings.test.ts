import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { readSettings } from "./settings-sources.ts";
import { describeSettings } from "./settings.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-settings-"));
afterAll(() => rmSync(directory, { recursive: true }));

const file = (content: string) => {
  const path = join(directory, "millrace.yaml");
  writeFileSync(path, content);
  return path;
};
const read = (flags = {}, environment = {}, path?: string) =>
  readSettings({ flags, environment, file: path });

describe("settings", () => {
  it("takes flags before the environment before the file before the default", () => {
    const path = file("rpcPort: 1\ndataPort: 1\nadminPort: 1\n");
    const settings = read(
      { rpcPort: 3 },
      { MILLRACE_RPC_PORT: "2", MILLRACE_DATA_PORT: "2" },
      path,
    );
    expect([settings.rpcPort, settings.dataPort, settings.adminPort, settings.awsPort]).toEqual([
      3, 2, 1, 4566,
    ]);
  });

  it("reads lists from text and from YAML alike", () => {
    const path = file("join: [a:1, b:2]\n");
    expect(read({}, {}, path).join).toEqual(["a:1", "b:2"]);
    expect(read({ join: "a:1, b:2", roles: "broker" })).toMatchObject({
      join: ["a:1", "b:2"],
      roles: ["broker"],
    });
  });

  it.each([
    [{ rcpPort: 1 }, {}, "", "did you mean --rpc-port?"],
    [{}, { MILLRACE_DATADIR: "x" }, "", "did you mean MILLRACE_DATA_DIR?"],
    [{}, {}, "rolls: broker", "did you mean roles?"],
    [{ rpcPort: 70_000 }, {}, "", "rpcPort (--rpc-port, MILLRACE_RPC_PORT) is 70000"],
    [{ roles: "" }, {}, "", "must name one role at least"],
    [{ roles: "brokr" }, {}, "", "roles (--roles, MILLRACE_ROLES)"],
    [{ join: "nowhere" }, {}, "", "must be host:port"],
    [{ rpcPort: "" }, {}, "", 'is "": must be a whole number in 0..65535'],
    [{ drainMs: "1.5" }, {}, "", 'is "1.5": must be a whole number in 0..600000'],
    [{}, { MILLRACE_RPC_PORT: "" }, "", 'is "": must be a whole number in 0..65535'],
    [{}, {}, "rpcPort:", "is null: must be a whole number in 0..65535"],
    [{ bindAddress: "0.0.0.0" }, {}, "", "give advertiseAddress"],
    [{ rpcPort: 0 }, {}, "", "could not find itself"],
    [{}, {}, "- a", "must hold settings"],
    [{}, {}, "a: [", "is not YAML"],
  ])("refuses %j %j %j, saying what is wrong", (flags, environment, yaml, message) => {
    expect(() => read(flags, environment, yaml === "" ? undefined : file(yaml))).toThrow(message);
  });

  it("describes every setting with a flag and a variable", () => {
    const rows = describeSettings();
    expect(rows.find((row) => row.name === "walFileBytes")).toMatchObject({
      flag: "--wal-file-bytes",
      environment: "MILLRACE_WAL_FILE_BYTES",
      fallback: 256 * 1024 * 1024,
    });
    expect(rows.filter((row) => row.description === "")).toEqual([]);
  });
});
