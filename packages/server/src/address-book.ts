/**
 * Where the voters of the metadata group can be dialled, kept beside the log.
 *
 * After a restart the addresses lie in metadata, but metadata can be read only once its group has a
 * leader, which takes dialling the voters. So the newest known addresses are kept in a small file;
 * a lost or stale file costs a wrong dial, never data: the log alone decides who votes.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface KnownNode {
  readonly nodeId: number;
  readonly rpc: string;
  readonly data: string;
}

export class AddressBook {
  readonly #path: string;
  #nodes = new Map<number, KnownNode>();

  constructor(dataDirectory: string) {
    this.#path = join(dataDirectory, "peers.json");
    for (const node of read(this.#path)) this.#nodes.set(node.nodeId, node);
  }

  nodes(): readonly KnownNode[] {
    return [...this.#nodes.values()];
  }

  /** Learns addresses; returns those that are new or moved, after writing them down. */
  learn(nodes: readonly KnownNode[]): readonly KnownNode[] {
    const changed = nodes.filter((node) => {
      const known = this.#nodes.get(node.nodeId);
      return known?.rpc !== node.rpc || known.data !== node.data;
    });
    if (changed.length === 0) return changed;
    for (const node of changed) this.#nodes.set(node.nodeId, node);
    mkdirSync(join(this.#path, ".."), { recursive: true, mode: 0o700 });
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.nodes()), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
    return changed;
  }
}

function read(path: string): readonly KnownNode[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
    return Array.isArray(parsed) ? parsed.filter(isKnownNode) : [];
  } catch {
    return []; // absent or cut short by a crash: the seeds of --join lead to the same place
  }
}

function isKnownNode(value: unknown): value is KnownNode {
  const node = value as Partial<KnownNode> | null;
  return (
    typeof node?.nodeId === "number" &&
    typeof node.rpc === "string" &&
    typeof node.data === "string"
  );
}
