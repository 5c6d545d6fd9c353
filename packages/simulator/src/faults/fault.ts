/**
 * A fault as data: when, what, to whom, for how long.
 *
 * Faults that were only calls could be replayed by their seed alone, all or none. As a list they can
 * be written down, cut in half and tried again, until what is left is what the failure needs.
 */
import type { CrashKind } from "../node/node-slot.ts";

export const FAULT_KINDS = [
  "crash",
  "crash-all",
  "crash-most",
  "restart-loop",
  "power",
  "pause",
  "freeze",
  "partition",
  "isolate",
  "bridge",
  "partial",
  "one-way",
  "flap",
  "clog",
  "slow-link",
  "half-open",
  "frames",
  "flaky",
  "clock",
  "clock-drift",
  "clock-strobe",
  "stall",
  "disk-error",
  "no-space",
  "read-only",
  "wipe",
  "leader",
  "stale-follower",
  "client-crash",
] as const;

/** Damage of bytes that were durable: at most one node's, so that a majority of whole copies stays. */
export const ROT_KINDS = ["rot", "stale-block", "misdirected"] as const;

export type FaultKind = (typeof FAULT_KINDS)[number] | (typeof ROT_KINDS)[number];

export function isRot(kind: FaultKind): boolean {
  return ROT_KINDS.some((rot) => rot === kind);
}

/** From host to host. */
export type Link = readonly [from: string, to: string];

/** Durations in virtual milliseconds; nodes by id. */
export type FaultAction =
  | {
      readonly act: "crash";
      readonly nodes: readonly { readonly node: number; readonly downMs: number }[];
      readonly loss: CrashKind;
      /** More crashes of the same nodes, each as soon as they have run for `downMs` again. @default 0 */
      readonly again?: number;
    }
  /** The disk is replaced by an empty one while the node is down. */
  | { readonly act: "wipe"; readonly node: number; readonly downMs: number }
  | {
      readonly act: "pause";
      readonly node: number;
      readonly forMs: number;
      /** As a virtual machine: its clocks stand still too, and are set right after `lateMs`. */
      readonly frozen?: { readonly lateMs: number };
    }
  | {
      readonly act: "cut";
      readonly links: readonly Link[];
      readonly forMs: number;
      /** Cut and whole in turns of so many milliseconds. @default cut all the time */
      readonly flapMs?: number;
    }
  | {
      readonly act: "slow";
      readonly links: readonly Link[];
      readonly forMs: number;
      readonly addedMs: number;
      /** @default the link's own */
      readonly bytesPerMs?: number;
    }
  /** One end forgets the connections between two hosts; the other hears nothing until its keepalive. */
  | { readonly act: "half-open"; readonly from: string; readonly to: string }
  | {
      readonly act: "frames";
      readonly lost: number;
      readonly doubled: number;
      readonly delayed: number;
      readonly forMs: number;
    }
  | { readonly act: "resets"; readonly share: number; readonly forMs: number }
  | {
      readonly act: "clock";
      readonly node: number;
      readonly byMs: number;
      readonly forMs: number;
      /** Back and forth in turns of so many milliseconds. @default once */
      readonly strobeMs?: number;
    }
  | {
      readonly act: "drift";
      readonly node: number;
      readonly rate: number;
      readonly forMs: number;
    }
  | {
      readonly act: "disk";
      readonly node: number;
      readonly fault: "write-error" | "sync-error" | "stall";
      readonly stallMs?: number;
    }
  | { readonly act: "client-crash"; readonly host: string; readonly downMs: number }
  /** So many bytes are left. */
  | {
      readonly act: "no-space";
      readonly node: number;
      readonly freeBytes: number;
      readonly forMs: number;
    }
  | { readonly act: "read-only"; readonly node: number; readonly forMs: number }
  /** `file` and `place`, 0..1, say where among the files and bytes that are there then. */
  | {
      readonly act: "rot";
      readonly node: number;
      readonly damage: "bit-flip" | "stale-sector" | "misdirected-write";
      readonly file: number;
      readonly place: number;
      readonly bit: number;
    };

export type Fault = FaultAction & { readonly atMs: number; readonly kind: FaultKind };

/** What became of one fault: it fired, and something went differently because of it, or not. */
export interface FaultEffect {
  happened: boolean;
}

export interface FaultTally {
  readonly fired: number;
  readonly effective: number;
}
