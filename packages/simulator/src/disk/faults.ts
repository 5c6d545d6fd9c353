/**
 * Faults that wait for an operation, and the count of all faults.
 *
 * A fault that never fires, or fires where it changes nothing, tests nothing; so each kind counts how
 * often it fired and how often something was different afterwards.
 */
import type { DiskOperation } from "./sim-disk.ts";

export type DiskFaultKind =
  | "write-error"
  | "sync-error"
  | "read-error"
  | "no-space"
  | "misdirected-write"
  | "stall"
  | "power-cut"
  | "process-kill"
  | "bit-flip"
  | "stale-sector"
  | "truncation"
  | "wipe"
  | "swap"
  | "read-only";

/** Waits for the `skip + 1`-th operation of its kind on a path that `matches`, then fires once. */
export type DiskFault = {
  /** @default every path */
  readonly matches?: (path: string) => boolean;
  /** Operations that pass first. @default 0 */
  readonly skip?: number;
  /** Called when it fires. */
  readonly fired?: () => void;
} & (
  | { readonly kind: "write-error" | "sync-error" | "read-error" | "no-space" }
  /** The bytes of the write land `byBytes` further on (or back) in the same file. */
  | { readonly kind: "misdirected-write"; readonly byBytes: number }
  /** The operation, of any kind, takes `stallMs` (1000..60000) longer. Needs a clock. */
  | { readonly kind: "stall"; readonly stallMs: number }
);

export interface FaultCount {
  fired: number;
  /** Times it changed bytes, names or an answer. */
  effective: number;
}

const OPERATION: Record<DiskFault["kind"], DiskOperation | "any"> = {
  "write-error": "write",
  "sync-error": "sync",
  "read-error": "read",
  "no-space": "write",
  "misdirected-write": "write",
  stall: "any",
};

export class Faults {
  readonly counts = new Map<DiskFaultKind, FaultCount>();
  #armed: { readonly fault: DiskFault; left: number }[] = [];

  arm(fault: DiskFault): void {
    this.#armed.push({ fault, left: fault.skip ?? 0 });
  }

  disarm(): void {
    this.#armed = [];
  }

  /** The armed fault that this operation sets off; the caller counts it. */
  take<Kind extends DiskFault["kind"]>(
    kinds: readonly Kind[],
    operation: DiskOperation,
    path: string,
  ): Extract<DiskFault, { kind: Kind }> | undefined {
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (!isOneOf(fault, kinds)) continue;
      const wanted = OPERATION[fault.kind];
      if (wanted !== "any" && wanted !== operation) continue;
      if (fault.matches?.(path) === false) continue;
      if (armed.left-- > 0) continue;
      this.#armed = this.#armed.filter((other) => other !== armed);
      fault.fired?.();
      return fault;
    }
    return undefined;
  }

  count(kind: DiskFaultKind, effective: boolean): void {
    const count = this.counts.get(kind) ?? { fired: 0, effective: 0 };
    count.fired++;
    if (effective) count.effective++;
    this.counts.set(kind, count);
  }
}

function isOneOf<Kind extends DiskFault["kind"]>(
  fault: DiskFault,
  kinds: readonly Kind[],
): fault is Extract<DiskFault, { kind: Kind }> {
  return kinds.some((kind) => kind === fault.kind);
}
