/**
 * What callers see with nodes down: one down changes nothing, two down give a retryable error, never
 * a false success, and never "not found" (reference/clients-and-operations 0.9).
 */
import { PutRecordCommand, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createStream, kinesis, readStream } from "./support/kinesis.ts";
import { LocalCluster } from "@millrace/bench";

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start({ nodes: 3, restart: false });
});
afterAll(() => cluster.remove());

const put = (text: string) =>
  new PutRecordCommand({ StreamName: "quorum", PartitionKey: text, Data: Buffer.from(text) });

describe("a cluster of three", () => {
  it("accepts writes with one node down, and refuses them retryably with two down", async () => {
    const client = kinesis(cluster, "http2", { maxAttempts: 5 });
    await createStream(client, "quorum", 4);
    const stored = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const text of stored.slice(0, 4)) await client.send(put(text));

    cluster.kill("node-3");
    for (const text of stored.slice(4)) await client.send(put(text));

    cluster.kill("node-2");
    const once = kinesis(cluster, "http1", { maxAttempts: 1 });
    const startedMs = performance.now();
    const failures = await Promise.all(
      ["x", "y", "z"].map((text) =>
        once.send(put(text)).then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    );
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    for (const failure of failures) {
      expect(failure).toMatchObject({
        $metadata: { httpStatusCode: expect.toSatisfy((status: number) => status >= 500) },
      });
      expect((failure as Error).name).not.toBe("ResourceNotFoundException");
    }
    const batch = await once
      .send(
        new PutRecordsCommand({
          StreamName: "quorum",
          Records: [{ PartitionKey: "k", Data: Buffer.from("k") }],
        }),
      )
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(batch).toMatchObject({ $metadata: { httpStatusCode: 503 } });
    // A stream that nobody made: without a quorum the answer is unknown, so it must not be "not found".
    const other = await once
      .send(
        new PutRecordCommand({
          StreamName: "never-made",
          PartitionKey: "k",
          Data: Buffer.from("k"),
        }),
      )
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(other).toMatchObject({ $metadata: { httpStatusCode: 503 } });
    once.destroy();
    client.destroy();
  });

  it("gives everything acknowledged back after a restart, under the same key", async () => {
    const before = cluster.environment;
    await cluster.stop();
    const port = Number(new URL(cluster.endpoint).port);
    cluster = await LocalCluster.start({ dataDir: cluster.dataDir, port, nodes: 3 });
    expect(cluster.environment).toEqual(before);
    const client = kinesis(cluster);
    const texts = (await readStream(client, "quorum")).map((record) => record.data.toString());
    for (const text of ["a", "b", "c", "d", "e", "f", "g", "h"]) expect(texts).toContain(text);
    client.destroy();
  });
});
