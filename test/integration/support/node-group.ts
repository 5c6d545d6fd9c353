/** Three whole nodes in this process, on real disks and loopback ports: the composition that users run, without processes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { formCluster, MillraceClient, nodePorts } from "@millrace/client";
import type { FormedCluster } from "@millrace/client";
import { readSettings, runNode } from "@millrace/server";
import type { RunningNode } from "@millrace/server";

const WAL_FILE_BYTES = 1024 * 1024;

interface Place {
  readonly nodeId: number;
  readonly dataDir: string;
  ports: { rpc: number; data: number; admin: number };
}

export class NodeGroup {
  readonly directory = mkdtempSync(join(tmpdir(), "millrace-nodes-"));
  readonly #places: Place[];
  readonly #running = new Map<number, RunningNode>();
  formed: FormedCluster | undefined;

  private constructor(nodes: number, firstPort: number) {
    this.#places = Array.from({ length: nodes }, (_, index) => ({
      nodeId: index + 1,
      dataDir: join(this.directory, `node-${index + 1}`),
      ports: {
        rpc: firstPort + index * 3,
        data: firstPort + index * 3 + 1,
        admin: firstPort + index * 3 + 2,
      },
    }));
  }

  static async start(nodes: number, firstPort: number): Promise<NodeGroup> {
    const group = new NodeGroup(nodes, firstPort);
    for (const { nodeId } of group.#places) await group.startNode(nodeId);
    group.formed = await formCluster({
      voters: group.#places.map(({ nodeId, ports }) => ({
        nodeId,
        rpc: `127.0.0.1:${ports.rpc}`,
        data: `127.0.0.1:${ports.data}`,
        admin: `127.0.0.1:${ports.admin}`,
      })),
      account: "000000000000",
      region: "us-east-1",
      limits: "unlimited",
      clusterSecretFile: group.secretFile,
    });
    await Promise.all([...group.#running.values()].map((node) => node.ready()));
    return group;
  }

  get secretFile(): string {
    return join(this.directory, "cluster.secret");
  }

  get endpoints(): readonly string[] {
    return this.#places.map(({ ports }) => `127.0.0.1:${ports.rpc}`);
  }

  dataDir(nodeId: number): string {
    return join(this.directory, `node-${nodeId}`);
  }

  node(nodeId: number): RunningNode {
    const node = this.#running.get(nodeId);
    if (node === undefined) throw new Error(`node ${nodeId} does not run`);
    return node;
  }

  async startNode(nodeId: number): Promise<void> {
    const place = this.#places.find((one) => one.nodeId === nodeId);
    if (place === undefined) throw new Error(`there is no node ${nodeId}`);
    const flags = {
      nodeId,
      roles: "coordinator,broker",
      dataDir: place.dataDir,
      host: `host-${nodeId}`,
      rpcPort: place.ports.rpc,
      dataPort: place.ports.data,
      adminPort: place.ports.admin,
      join: this.endpoints.join(","),
      clusterSecretFile: this.secretFile,
      walFileBytes: WAL_FILE_BYTES,
      logLevel: "error",
      drainMs: 3000,
    };
    this.#running.set(
      nodeId,
      await runNode(readSettings({ flags, environment: {}, file: undefined })),
    );
  }

  async stopNode(nodeId: number): Promise<void> {
    await this.node(nodeId).stop();
    this.#running.delete(nodeId);
  }

  client(): MillraceClient {
    const { accessKeyId = "", secretAccessKey = "" } = this.formed ?? {};
    return new MillraceClient({
      ...nodePorts(),
      endpoints: this.endpoints,
      credentials: { accessKeyId, secret: secretAccessKey, region: "us-east-1" },
      scope: "routes",
    });
  }

  async remove(): Promise<void> {
    await Promise.all([...this.#running.values()].map((node) => node.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
