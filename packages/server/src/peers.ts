/** Tells the lane where its peers are: from the address book at start, from metadata ever after. */
import type { MetadataView } from "@millrace/model";
import type { Lane } from "@millrace/replica";

import type { AddressBook } from "./address-book.ts";
import type { Detour } from "./detours.ts";

export interface PeersDeps {
  readonly book: AddressBook;
  readonly view: MetadataView;
  readonly lane: Pick<Lane, "setPeer">;
  readonly nodeId: number;
  readonly detour: Detour;
}

export function followPeers({ book, view, lane, nodeId, detour }: PeersDeps): void {
  const tell = (peer: { readonly nodeId: number; readonly data: string }) => {
    if (peer.nodeId !== nodeId && peer.data !== "") {
      lane.setPeer(peer.nodeId, detour(peer.data));
    }
  };
  for (const peer of book.nodes()) tell(peer);
  view.onChange((changedKeys) => {
    if (!changedKeys.some((key) => key.startsWith("node/"))) return;
    const known = view.list("node").flatMap(({ nodeId: id, addresses }) => {
      return addresses.data === undefined
        ? []
        : [{ nodeId: id, rpc: addresses.rpc, data: addresses.data }];
    });
    book.learn(known);
    // Also those that did not move: it confirms a new incarnation of the same node.
    for (const peer of known) tell(peer);
  });
}
