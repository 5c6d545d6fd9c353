/** Both roads over TLS with certificates on both sides. The authority's key was thrown away. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { SILENT_LOGGER } from "@millrace/base";
import { NodeService } from "@millrace/proto";
import { afterEach, describe, expect, it } from "vitest";

import { ControlChannel } from "./control/control-channel.ts";
import { createControlServer } from "./control/control-server.ts";
import { controlService } from "./control/control-service.ts";
import { HotChannel } from "./hot/hot-channel.ts";
import { createHotServer } from "./hot/hot-server.ts";
import { SYSTEM_CLOCK } from "./testing/system-clock.ts";

const pem = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../testdata", name), "utf8");
const tls = { ca: pem("ca.pem"), cert: pem("node.pem"), key: pem("node-key.pem") };
const PATH = "/test.v1.Test/Talk";

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const run of cleanup.splice(0).toReversed()) await run();
});

async function hotPort(): Promise<number> {
  const server = await createHotServer({
    host: "127.0.0.1",
    port: 0,
    services: { [PATH]: (stream) => stream.onMessage((one) => void stream.send([one])) },
    authenticate: () => undefined,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
    tls,
  });
  cleanup.push(() => server.close(0));
  return server.port;
}

function hotChannel(port: number, own: { ca: string; cert?: string; key?: string }): HotChannel {
  const channel = new HotChannel({
    address: `127.0.0.1:${port}`,
    clock: SYSTEM_CLOCK,
    logger: SILENT_LOGGER,
    tls: { ...own, serverName: "millrace.test" },
  });
  cleanup.push(() => channel.close());
  return channel;
}

describe("hot streams over TLS", () => {
  it("are served to a client with a certificate of the authority", async () => {
    const stream = hotChannel(await hotPort(), tls).open(PATH);
    const answer = new Promise<string>((resolve) => {
      stream.onMessage((message) => resolve(message.toString()));
    });
    stream.send([Buffer.from("hello")]);
    expect(await answer).toBe("hello");
  });

  it("are refused to a client without one", async () => {
    const stream = hotChannel(await hotPort(), { ca: tls.ca }).open(PATH);
    stream.onMessage(() => {});
    const end = await new Promise<string | undefined>((resolve) => {
      stream.onEnd((error) => resolve(error?.code));
    });
    expect(["unavailable", "indeterminate"]).toContain(end);
  });
});

describe("control calls over TLS", () => {
  it("are served to a client with a certificate of the authority", async () => {
    const server = await createControlServer({
      host: "127.0.0.1",
      port: 0,
      services: [controlService(NodeService, { unary: { Status: () => ({ nodeId: 4 }) } })],
      authenticate: () => undefined,
      clock: SYSTEM_CLOCK,
      logger: SILENT_LOGGER,
      tls,
    });
    cleanup.push(() => server.close(0));
    const channel = new ControlChannel({
      address: `127.0.0.1:${server.port}`,
      tls: { ...tls, serverName: "millrace.test" },
    });
    cleanup.push(() => channel.close());
    const { nodeId } = await channel.call(NodeService.Status, {}, { deadlineMs: 5000 });
    expect(nodeId).toBe(4);
  });
});
