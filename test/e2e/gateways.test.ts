/** Several gateways, one truth (S12), and callers who may not come in. */
import { spawn } from "node:child_process";
import { join } from "node:path";

import { DescribeStreamSummaryCommand, PutRecordCommand } from "@aws-sdk/client-kinesis";
import { asStreamError, SILENT_LOGGER } from "@millrace/base";
import { MillraceClient, nodePorts } from "@millrace/client";
import { signCall } from "@millrace/model";
import { HOT_PATHS } from "@millrace/proto";
import { encodeAppendRequest, HotChannel } from "@millrace/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createStream, kinesis } from "./support/kinesis.ts";
import { LocalCluster, ROOT } from "@millrace/bench";

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start({ nodes: 3 });
});
afterAll(() => cluster.remove());

/** A second gateway whose copy of the metadata lags by `delayMs`. */
async function delayedGateway(port: number, delayMs: number) {
  const launcher = join(ROOT, "packages", "cli", "bin", "millrace.js");
  const settings = {
    roles: "gateway",
    "node-id": "102",
    "data-dir": join(cluster.dataDir, "gateway-2"),
    "rpc-port": "0",
    "admin-port": String(port + 1),
    "aws-port": String(port),
    join: cluster.endpoints.join(","),
    "cluster-secret-file": join(cluster.dataDir, "cluster.secret"),
    "test-tail-delay-ms": String(delayMs),
    "log-level": "error",
  };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, [launcher, "start", ...words], { stdio: "inherit" });
  for (let attempt = 0; ; attempt++) {
    const ready = await fetch(`http://127.0.0.1:${port + 1}/health/ready`).then(
      (one) => one.ok,
      () => false,
    );
    if (ready) break;
    if (attempt > 300) throw new Error("the second gateway is not ready after 30 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

describe("gateways", () => {
  it("find a stream at once that another gateway made, although their metadata lags", async () => {
    const delayMs = 700;
    const second = await delayedGateway(Number(new URL(cluster.endpoint).port) + 10, delayMs);
    const here = kinesis(cluster);
    const there = kinesis(
      { endpoint: second.endpoint, credentials: cluster.credentials },
      "http2",
      { maxAttempts: 1 },
    );
    try {
      await createStream(here, "fresh", 2);
      const summary = await there.send(new DescribeStreamSummaryCommand({ StreamName: "fresh" }));
      expect(summary.StreamDescriptionSummary).toMatchObject({
        StreamStatus: "ACTIVE",
        OpenShardCount: 2,
      });
      await createStream(here, "fresh-put", 2);
      const put = new PutRecordCommand({
        StreamName: "fresh-put",
        PartitionKey: "k",
        Data: Buffer.from("v"),
      });
      expect((await there.send(put)).ShardId).toMatch(/^shardId-/);
    } finally {
      here.destroy();
      there.destroy();
      await second.stop();
    }
  });

  it("refuse an unsigned HTTP put, an unknown key, a wrong secret and a skewed clock as AWS does", async () => {
    const unsigned = await fetch(cluster.endpoint, {
      method: "POST",
      headers: {
        "x-amz-target": "Kinesis_20131202.PutRecord",
        "content-type": "application/x-amz-json-1.1",
      },
      body: JSON.stringify({ StreamName: "s", PartitionKey: "k", Data: "dg==" }),
    });
    expect({ status: unsigned.status, body: await unsigned.json() }).toEqual({
      status: 400,
      body: {
        __type: "MissingAuthenticationTokenException",
        message: "Missing Authentication Token",
      },
    });
    const errorOf = async (
      change: Partial<{ accessKeyId: string; secretAccessKey: string }>,
      skewMs = 0,
    ) => {
      const client = kinesis(
        { endpoint: cluster.endpoint, credentials: { ...cluster.credentials, ...change } },
        "http1",
        { maxAttempts: 1, systemClockOffset: skewMs },
      );
      const put = new PutRecordCommand({
        StreamName: "s",
        PartitionKey: "k",
        Data: Buffer.from("v"),
      });
      const error = await client.send(put).then(
        () => new Error("accepted"),
        (one: unknown) => one as Error,
      );
      client.destroy();
      return error.name;
    };
    expect(await errorOf({ accessKeyId: "AKIDUNKNOWN" })).toBe("UnrecognizedClientException");
    expect(await errorOf({ secretAccessKey: "wrong" })).toBe("InvalidSignatureException");
    expect(await errorOf({}, 20 * 60_000)).toBe("InvalidSignatureException");
  });

  it("and brokers refuse a gRPC put that is not signed, or signed with an unknown key", async () => {
    const { nodes } = await cluster.status();
    const address = `127.0.0.1:${nodes[0]?.ports["data"]}`;
    const { clock, hashes } = nodePorts();
    const credentials = { accessKeyId: "AKIDUNKNOWN", secret: "none", region: "us-east-1" };
    const unknownKey = signCall(hashes, credentials, HOT_PATHS.append, address, clock.nowMs());
    const answerTo = (metadata: Record<string, string>) =>
      new Promise<string | undefined>((resolve) => {
        const channel = new HotChannel({
          address,
          clock,
          logger: SILENT_LOGGER,
          metadata: () => metadata,
        });
        const stream = channel.open(HOT_PATHS.append);
        stream.onMessage(() => resolve("accepted"));
        stream.onEnd((error) => {
          channel.close();
          resolve(error?.code);
        });
        const batch = new Uint8Array(64);
        const put = { requestId: 1, groupId: 2, shardEpoch: 1, expectedTerm: 0 };
        stream.send(encodeAppendRequest(put, [batch]));
      });
    expect([await answerTo({}), await answerTo(unknownKey)]).toEqual([
      "unauthenticated",
      "unauthenticated",
    ]);
  });

  it("and a client with an unknown key learns nothing of the cluster", async () => {
    const client = new MillraceClient({
      ...nodePorts(),
      endpoints: cluster.endpoints,
      credentials: { accessKeyId: "AKIDUNKNOWN", secret: "none", region: "us-east-1" },
      scope: "routes",
    });
    const refused = await client.ready(3000).then(
      () => "accepted",
      (error: unknown) => asStreamError(error).code,
    );
    expect(refused).toBe("unauthenticated");
    await client.close();
  });
});
