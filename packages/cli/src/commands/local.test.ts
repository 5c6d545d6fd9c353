import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import type { LocalNode } from "../cluster-file.ts";
import { requireNoOwner } from "../local/owner.ts";
import { requireAlive } from "./local.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-local-"));
afterAll(() => rmSync(directory, { recursive: true }));

const node = (nodeId: number, ...roles: string[]): LocalNode => ({
  nodeId,
  roles,
  dataDir: join(directory, `node-${nodeId}`),
  ports: { rpc: 1, data: 2, admin: 3 },
});
const nodes = [...[1, 2, 3].map((id) => node(id, "coordinator", "broker")), node(101, "gateway")];

describe("a process that dies while the cluster starts", () => {
  it.each([
    [[], false, undefined],
    [["node-1"], false, "node-1: it said why"],
    [["node-1"], true, undefined],
    [["node-1", "node-3"], true, "node-3: it said why"],
    [["gateway"], true, "gateway: it said why"],
  ])("%j of a cluster that was formed: %s, ends the start with %j", (dead, isFormed, message) => {
    const deaths = new Map(dead.map((name) => [name, "it said why"]));
    const check = () => requireAlive(deaths, nodes, isFormed);
    if (message === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(message);
  });
});

describe("a second start on a folder in use", () => {
  it("names the processes that hold it, and passes once they are gone", async () => {
    requireNoOwner(directory, nodes);
    const owner = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "millrace"]);
    try {
      await once(owner, "spawn");
      mkdirSync(nodes[0]?.dataDir ?? "");
      writeFileSync(join(nodes[0]?.dataDir ?? "", "lock"), `${owner.pid} 1`);
      expect(() => requireNoOwner(directory, nodes)).toThrow(`kill ${owner.pid}`);
    } finally {
      owner.kill("SIGKILL");
      await once(owner, "exit");
    }
    requireNoOwner(directory, nodes);
  });
});
