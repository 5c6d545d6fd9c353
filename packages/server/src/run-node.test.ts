import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { runNode } from "./run-node.ts";
import { readSettings } from "./settings-sources.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-run-"));
afterAll(() => rmSync(directory, { recursive: true }));

const settings = (flags: Record<string, unknown>) =>
  readSettings({
    flags: {
      dataDir: join(directory, "data"),
      rpcPort: 0,
      join: "127.0.0.1:1",
      dataPort: 0,
      adminPort: 0,
      awsPort: 0,
      walFileBytes: 1024 * 1024,
      logLevel: "silent",
      ...flags,
    },
    environment: {},
    file: undefined,
  });

async function listen() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const refused = await once(socket, "connect").then(
    () => false,
    () => true,
  );
  socket.destroy();
  return refused;
}

describe("starting a process", () => {
  it.each(["rpc", "data", "admin", "aws"])(
    "names the setting of the %s port when it is in use, and closes the others",
    async (name) => {
      const taken = await listen();
      const free = await listen();
      await new Promise((resolve) => free.server.close(resolve));
      const other = name === "rpc" ? "dataPort" : "rpcPort";
      try {
        await expect(
          runNode(settings({ [`${name}Port`]: taken.port, [other]: free.port })),
        ).rejects.toThrow(
          `${name}Port (--${name}-port, MILLRACE_${name.toUpperCase()}_PORT) cannot listen on ` +
            `127.0.0.1:${taken.port}: another program listens there (EADDRINUSE)`,
        );
        expect(await isRefused(free.port)).toBe(true);
      } finally {
        taken.server.close();
      }
    },
  );

  it("names the setting of a path that cannot be used", async () => {
    const path = join(directory, "file");
    writeFileSync(path, "not a key");
    await expect(runNode(settings({ dataDir: path }))).rejects.toThrow(
      `dataDir (--data-dir, MILLRACE_DATA_DIR) is ${path}, which cannot be used: it is not a folder (EEXIST)`,
    );
    const tls = { awsTlsCertFile: path, awsTlsKeyFile: path };
    await expect(runNode(settings(tls))).rejects.toThrow(
      `awsTlsCertFile (--aws-tls-cert-file, MILLRACE_AWS_TLS_CERT_FILE) is ${path}`,
    );
  });
});
