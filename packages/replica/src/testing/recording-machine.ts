import type { AppliedEntry, RoleChange, StateMachine } from "../types.ts";

/**
 * Keeps every entry as text, and how its role changed. Its state is the list of all entries, so
 * two replicas with equal states have applied the same entries in the same order.
 */
export class RecordingMachine implements StateMachine {
  entries: { readonly index: number; readonly term: number; readonly text: string }[] = [];
  readonly roles: RoleChange[] = [];
  appliedIndex = 0;
  restores = 0;

  apply(entries: readonly AppliedEntry[]): void {
    for (const { index, term, data } of entries) {
      this.entries.push({ index, term, text: Buffer.from(data).toString("latin1") });
    }
  }

  advanced(appliedIndex: number): void {
    this.appliedIndex = appliedIndex;
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify(this.entries), "latin1");
  }

  /** The log is kept from there on, and a replica that starts there has the entries up to there. */
  trimSnapshot(throughIndex: number): Uint8Array {
    const kept = this.entries.filter(({ index }) => index <= throughIndex);
    return Buffer.from(JSON.stringify(kept), "latin1");
  }

  restore(state: Uint8Array, index: number): void {
    this.restores += 1;
    this.appliedIndex = index;
    this.entries = state.length === 0 ? [] : JSON.parse(Buffer.from(state).toString("latin1"));
  }

  roleChanged(change: RoleChange): void {
    this.roles.push(change);
  }
}
