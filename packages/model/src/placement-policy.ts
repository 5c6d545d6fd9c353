/**
 * How the cluster looks after its replicas: settings that every process reads from metadata.
 *
 * They are kept as one object of numbers, each absent until somebody sets it, so that a default that
 * a later version changes reaches the clusters that never asked for another.
 */
import { requireWithin, StreamError } from "@millrace/base";

export interface PlacementPolicy {
  /** Silence of a broker after which its replicas are made again elsewhere, milliseconds. @default 900_000 */
  readonly replaceAfterMs: number;
  /** Groups that change their members at one time. @default 4 */
  readonly movesMax: number;
  /** What one broker sends at most to replicas that are being made, bytes per second. @default 104_857_600 */
  readonly moveBytesPerSecond: number;
  /**
   * How long the data of a replica that was moved away, or of a deleted shard, stays on its broker
   * before it is dropped, milliseconds. @default 3_600_000
   */
  readonly dropGraceMs: number;
}

export const PLACEMENT_POLICY_DEFAULT: PlacementPolicy = {
  replaceAfterMs: 15 * 60_000,
  movesMax: 4,
  moveBytesPerSecond: 100 * 1024 * 1024,
  dropGraceMs: 60 * 60_000,
};

const DAY_MS = 24 * 60 * 60_000;

/** Least and most of each setting. */
const BOUNDS: Readonly<Record<keyof PlacementPolicy, readonly [number, number]>> = {
  // A pause of a few seconds is no reason to copy a disk.
  replaceAfterMs: [10_000, 30 * DAY_MS],
  movesMax: [1, 100],
  moveBytesPerSecond: [64 * 1024, 100 * 1024 * 1024 * 1024],
  dropGraceMs: [0, 365 * DAY_MS],
};

/**
 * Settings as somebody wrote them.
 *
 * @throws StreamError `invalid-argument` for a name that is none, or a value out of its bounds.
 */
export function checkPlacementPolicy(
  settings: Readonly<Record<string, number>>,
): Partial<PlacementPolicy> {
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(BOUNDS, name)) {
      const known = Object.keys(BOUNDS).join(", ");
      throw new StreamError("invalid-argument", `setting is ${name}, but must be one of ${known}`);
    }
    const [least, most] = BOUNDS[name as keyof PlacementPolicy];
    requireWithin(name, value, least, most);
  }
  return settings;
}

/** What holds: `set`, and the defaults for the rest. */
export function placementPolicy(
  cluster: { readonly placementPolicy?: Partial<PlacementPolicy> } | undefined,
  defaults: PlacementPolicy = PLACEMENT_POLICY_DEFAULT,
): PlacementPolicy {
  return { ...defaults, ...cluster?.placementPolicy };
}
