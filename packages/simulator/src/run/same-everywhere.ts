/** What must be one and the same on all nodes when a run is over: metadata, and the entries of each replica's log. */
import { crc32 } from "node:zlib";

import type { MetadataView } from "@millrace/model";

export interface ViewOfNode {
  readonly nodeId: number;
  /** Undefined while nothing runs there. */
  readonly view: Pick<MetadataView, "index" | "snapshot"> | undefined;
}

/** Nodes whose metadata is at one index must hold the same (S12). */
export function metadataDifferences(nodes: readonly ViewOfNode[]): readonly string[] {
  const first = new Map<number, { readonly nodeId: number; readonly json: string }>();
  const found: string[] = [];
  for (const { nodeId, view } of nodes) {
    if (view === undefined) continue;
    const json = JSON.stringify(view.snapshot());
    const other = first.get(view.index);
    if (other === undefined) first.set(view.index, { nodeId, json });
    else if (other.json !== json) {
      found.push(`metadata of nodes ${other.nodeId} and ${nodeId} differs at ${view.index}`);
    }
  }
  return found;
}

export interface EntryOfNode {
  readonly nodeId: number;
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** The logs of one group, entry by entry (S2). */
export class EntryCompare {
  readonly #groupId: number;
  readonly #first = new Map<number, { readonly hash: string; readonly nodeId: number }>();

  constructor(groupId: number) {
    this.#groupId = groupId;
  }

  /** How the entry differs from what another node has at its index, if it does. */
  differs({ nodeId, index, term, data }: EntryOfNode): string | undefined {
    const hash = `${term}/${data.length}/${crc32(data)}`;
    const other = this.#first.get(index);
    if (other === undefined) this.#first.set(index, { hash, nodeId });
    if (other === undefined || other.hash === hash) return undefined;
    return (
      `replicas-differ (S2): entry ${index} of group ${this.#groupId} is ${hash} on node ` +
      `${nodeId}, ${other.hash} on node ${other.nodeId}`
    );
  }
}
