/**
 * Removes what has lain in the trash long enough.
 *
 * Storage moves files there that nothing refers to any more, and never removes one by itself. Without
 * this, retention and moved replicas would free no space; without the wait, a wrong order to drop could
 * not be undone by hand. The wait is the same setting as the grace before data is dropped.
 */
import type { Clock, Logger, Timer } from "@millrace/base";
import type { MetadataView } from "@millrace/model";
import { placementPolicy } from "@millrace/model";
import type { LaneStorage } from "@millrace/storage";

const SWEEP_MS = 60_000;

export interface TrashSweepDeps {
  readonly storage: Pick<LaneStorage, "emptyTrash">;
  readonly view: MetadataView;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class TrashSweep {
  readonly #deps: TrashSweepDeps;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: TrashSweepDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.clock.schedule(SWEEP_MS, () => void this.#sweep());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #sweep(): Promise<void> {
    const { storage, view, logger } = this.#deps;
    try {
      // A process that does not know the setting removes nothing.
      const cluster = view.cluster();
      const removed =
        cluster === undefined ? 0 : await storage.emptyTrash(placementPolicy(cluster).dropGraceMs);
      if (removed > 0) logger.info("files were removed from the trash", { removed });
    } catch (error) {
      logger.warn("the trash could not be emptied", { error: String(error) });
    }
    if (!this.#stopped) this.start();
  }
}
