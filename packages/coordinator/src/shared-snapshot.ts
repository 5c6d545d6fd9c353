import type { MetadataChange, MetadataView } from "@millrace/model";

/**
 * One sorted copy of the records for all tails that start at the same index. After a restart every
 * process of the cluster comes at once, and sorting for each would hold up the event loop for
 * seconds.
 */
export class SharedSnapshot {
  readonly #view: MetadataView;
  #kept: { readonly index: number; readonly changes: readonly MetadataChange[] } | undefined;

  constructor(view: MetadataView) {
    this.#view = view;
  }

  take(): { readonly index: number; readonly changes: readonly MetadataChange[] } {
    const { index } = this.#view;
    if (this.#kept?.index !== index) this.#kept = { index, changes: this.#view.snapshot() };
    return this.#kept;
  }

  /** Lets the copy go; tails that are in the middle of it keep theirs. */
  release(): void {
    this.#kept = undefined;
  }
}
