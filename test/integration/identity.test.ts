/**
 * Disks that are not what they were: emptied, exchanged. A voter that lost its disk comes back under
 * its node id, and must count in no quorum of what it held before (S7, S8).
 */
import { renameSync, rmSync } from "node:fs";

import { asStreamError, sleep } from "@millrace/base";
import { nodePorts, StreamProducer, StreamReader } from "@millrace/client";
import type { MillraceClient } from "@millrace/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { NodeGroup } from "./support/node-group.ts";

const ACCOUNT = "000000000000";
const { clock } = nodePorts();
let group: NodeGroup;
beforeAll(async () => {
  group = await NodeGroup.start(3, 10_000 + (process.pid % 4000));
});
afterAll(() => group.remove());

async function createStream(client: MillraceClient, streamName: string): Promise<void> {
  await client.ready();
  await client.admin.createStream({ account: ACCOUNT, streamName, shardCount: 2 });
  while (client.view.stream(ACCOUNT, streamName)?.status !== "ACTIVE") await sleep(clock, 20);
}

async function readAll(client: MillraceClient, streamName: string): Promise<string[]> {
  const position = { kind: "TRIM_HORIZON" } as const;
  const options = { account: ACCOUNT, streamName, position, follow: false };
  const found: string[] = [];
  for await (const { data } of new StreamReader(client, options))
    found.push(Buffer.from(data).toString());
  return found.sort();
}

describe("a node whose disk", () => {
  it("was emptied votes for nothing that it held, and the records of the others stay (S8)", async () => {
    const client = group.client();
    await createStream(client, "emptied");
    const producer = new StreamProducer(client, { account: ACCOUNT });
    const put = (text: string) => producer.put("emptied", text, Buffer.from(text));
    const sent = Array.from({ length: 20 }, (_, index) => `record ${index + 10}`);
    for (const text of sent) await put(text);

    await group.stopNode(3);
    rmSync(group.dataDir(3), { recursive: true });
    for (const text of ["two of three", "still"]) sent.push((await put(text), text));
    expect(await readAll(client, "emptied")).toEqual([...sent].sort());

    // Nodes 1 and 3 are two of three by number, but node 3 remembers nothing: no quorum, and so
    // nobody who could make its replicas again either.
    await group.stopNode(2);
    await group.startNode(3);
    const alone = group.client();
    const reached = await Promise.race([
      alone
        .ready()
        .then(() => put("without a quorum"))
        .then(
          () => "acknowledged",
          (error: unknown) => asStreamError(error).code,
        ),
      sleep(clock, 6000).then(() => "no answer"),
    ]);
    expect(reached).not.toBe("acknowledged");
    await alone.close();

    await group.startNode(2);
    await Promise.all([1, 2].map((nodeId) => group.node(nodeId).ready()));
    const texts = await readAll(client, "emptied");
    expect(texts.filter((text) => text !== "without a quorum")).toEqual([...sent].sort());
    await client.close();
  });

  it("was exchanged with another node's does not start, and says whose it is", async () => {
    for (const nodeId of [1, 2]) await group.stopNode(nodeId);
    const exchange = () => {
      const aside = `${group.dataDir(1)}-aside`;
      renameSync(group.dataDir(1), aside);
      renameSync(group.dataDir(2), group.dataDir(1));
      renameSync(aside, group.dataDir(2));
    };
    exchange();
    await expect(group.startNode(1)).rejects.toThrow(/belongs to node 2, but this is node 1/);
    exchange();
    for (const nodeId of [1, 2]) await group.startNode(nodeId);
    await Promise.all([1, 2].map((nodeId) => group.node(nodeId).ready()));
  });
});
