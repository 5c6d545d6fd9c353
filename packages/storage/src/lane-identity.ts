/** The identity of an open lane: read by everybody, changed once, and written again when it is found damaged. */
import { StreamError } from "@millrace/base";
import type { FileSystem } from "@millrace/base";

import { CLUSTER_ID_BYTES_MAX, identityIsOnDisk, writeIdentity } from "./identity.ts";
import type { StoredIdentity } from "./identity.ts";
import type { LaneLayout } from "./layout.ts";
import { requireBytesWithin } from "./state-files.ts";
import type { LaneIdentity } from "./types.ts";

export class IdentityKeeper {
  readonly #fileSystem: FileSystem;
  readonly #layout: LaneLayout;
  #identity: StoredIdentity;
  /** Writes go one after the other: they share the name of the unfinished file. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(fileSystem: FileSystem, layout: LaneLayout, identity: StoredIdentity) {
    this.#fileSystem = fileSystem;
    this.#layout = layout;
    this.#identity = identity;
  }

  get shown(): LaneIdentity {
    const { incarnation, bootEpoch, clusterId } = this.#identity;
    return { incarnation, bootEpoch, clusterId };
  }

  /** Durable when it resolves. @throws StreamError `wrong-state` when another id was set before. */
  setClusterId(id: string): Promise<void> {
    return this.#alone(async () => {
      requireBytesWithin("clusterId", Buffer.from(id, "utf8"), CLUSTER_ID_BYTES_MAX);
      if (id === "") throw new StreamError("invalid-argument", "clusterId is empty");
      const { clusterId } = this.#identity;
      if (clusterId === id) return;
      if (clusterId !== undefined) {
        throw new StreamError(
          "wrong-state",
          `this node belongs to cluster ${clusterId}, not to ${id}`,
        );
      }
      const identity = { ...this.#identity, clusterId: id };
      await writeIdentity(this.#fileSystem, this.#layout, identity);
      this.#identity = identity;
    });
  }

  /** Compares both files with what they must hold; resolves with whether they had to be written again. */
  heal(): Promise<boolean> {
    return this.#alone(async () => {
      if (await identityIsOnDisk(this.#fileSystem, this.#layout, this.#identity)) return false;
      await writeIdentity(this.#fileSystem, this.#layout, this.#identity);
      return true;
    });
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }
}
