/**
 * Real input, end to end: at least 100,000 lines of real logs through the unmodified AWS SDK over
 * HTTP/2 and HTTP/1.1 (and boto3 and the AWS CLI where Python has them) into four shards, read back
 * byte for byte, in order per partition key, each exactly once when there were no retries.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createStream, kinesis, readStream } from "./support/kinesis.ts";
import type { ReadRecord } from "./support/kinesis.ts";
import { LocalCluster, ROOT } from "@millrace/bench";
import { collectRealLogs } from "./support/real-logs.ts";
import type { LogLine } from "./support/real-logs.ts";

const LINES = 100_000;
const STREAM = "real-logs";
const KEYS_PER_SOURCE = 16;

let cluster: LocalCluster;
let lines: readonly LogLine[];
const directory = mkdtempSync(join(tmpdir(), "millrace-logs-"));
beforeAll(async () => {
  cluster = await LocalCluster.start({ nodes: 3 });
  lines = await collectRealLogs(directory, LINES);
});
afterAll(async () => {
  await cluster.remove();
  rmSync(directory, { recursive: true, force: true });
});

interface Keyed {
  readonly key: string;
  readonly text: Buffer;
}

/** Lines dealt to keys. */
function keyed(client: string, part: readonly LogLine[]): readonly Keyed[] {
  return part.map((line, index) => ({
    key: `${client}/${line.source}/${index % KEYS_PER_SOURCE}`,
    text: line.text,
  }));
}

/** Puts in batches of 500, one call after the other, which keeps the order per key; without retries. */
async function putAll(client: KinesisClient, records: readonly Keyed[]): Promise<void> {
  for (let at = 0; at < records.length; at += 500) {
    const batch = records.slice(at, at + 500);
    const Records = batch.map(({ key, text }) => ({ PartitionKey: key, Data: text }));
    const answer = await client.send(new PutRecordsCommand({ StreamName: STREAM, Records }));
    expect(answer.FailedRecordCount).toBe(0);
  }
}

function byKey(
  records: readonly { readonly key: string; readonly text: Buffer }[],
): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const { key, text } of records) {
    const list = map.get(key) ?? [];
    list.push(text.toString("latin1"));
    map.set(key, list);
  }
  return map;
}

function expectSame(sent: readonly Keyed[], read: readonly ReadRecord[]): void {
  const wanted = byKey(sent);
  const got = byKey(read.map((record) => ({ key: record.partitionKey, text: record.data })));
  expect([...got.keys()].toSorted()).toEqual([...wanted.keys()].toSorted());
  for (const [key, texts] of wanted) expect(got.get(key)?.join("\n")).toBe(texts.join("\n"));
}

const python = join(ROOT, "node_modules", ".cache", "python", "bin", "python");
const hasPython = existsSync(python);

describe("real logs", () => {
  it("come back byte for byte, in order per key, each exactly once", async () => {
    const http2 = kinesis(cluster, "http2", { maxAttempts: 1 });
    const http1 = kinesis(cluster, "http1", { maxAttempts: 1 });
    await createStream(http2, STREAM, 4);
    const half = Math.ceil(lines.length / 2);
    const sent = [keyed("sdk-h2", lines.slice(0, half)), keyed("sdk-h1", lines.slice(half))];
    const startedMs = performance.now();
    await Promise.all([putAll(http2, sent[0] ?? []), putAll(http1, sent[1] ?? [])]);
    const seconds = (performance.now() - startedMs) / 1000;
    const all = sent.flat();
    expect(all.length).toBeGreaterThanOrEqual(LINES);
    const read = await readStream(http1, STREAM);
    const shards = new Set(read.map((record) => record.shardId));
    console.log(
      `${all.length} lines in ${seconds.toFixed(1)} s, ${read.length} records in ${shards.size} shards`,
    );
    expect(shards.size).toBe(4);
    expectSame(all, read);
    http2.destroy();
    http1.destroy();
  });

  it.skipIf(!hasPython)("go through boto3 and the AWS CLI as well", async () => {
    const client = kinesis(cluster);
    await createStream(client, "python-logs", 4);
    const part = keyed("boto3", lines.slice(0, 20_000));
    const input = join(directory, "boto3.jsonl");
    writeFileSync(
      input,
      part.map(({ key, text }) => JSON.stringify([key, text.toString("base64")])).join("\n"),
    );
    const environment = { ...process.env, ...cluster.environment };
    const script = join(import.meta.dirname, "support", "boto3_put.py");
    const output = execFileSync(python, [script, "python-logs", input], {
      env: environment,
      encoding: "utf8",
    });
    expect(JSON.parse(output)).toEqual({ stored: part.length });
    const aws = join(ROOT, "node_modules", ".cache", "python", "bin", "aws");
    const cli: Keyed[] = lines.slice(0, 5).map((line) => ({ key: "aws-cli", text: line.text }));
    for (const { key, text } of cli) {
      const file = join(directory, "one-line");
      writeFileSync(file, text);
      const words = [
        "kinesis",
        "put-record",
        "--stream-name",
        "python-logs",
        "--partition-key",
        key,
      ];
      const options = { env: environment, encoding: "utf8" } as const;
      // Both major versions of the CLI take a file's bytes as they are, while they differ on text.
      const result = spawnSync(aws, [...words, "--data", `fileb://${file}`], options);
      expect(result.stderr).toBe("");
      expect(JSON.parse(result.stdout)).toMatchObject({
        ShardId: expect.stringMatching(/^shardId-\d{12}$/),
      });
    }
    expectSame([...part, ...cli], await readStream(client, "python-logs"));
    client.destroy();
  });

  it.runIf(!hasPython)("tells that boto3 and the AWS CLI were not tried", () => {
    console.log(
      "boto3 and the AWS CLI are not installed here; scripts/install-test-tools installs them",
    );
    expect(hasPython).toBe(false);
  });
});
