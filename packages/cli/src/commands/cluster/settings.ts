/** How the cluster looks after its replicas: shows the settings, and changes those that are named. */
import { StreamError } from "@millrace/base";
import type { PlacementPolicy } from "@millrace/model";
import { placementPolicy } from "@millrace/model";

import type { Connection } from "../../connect.ts";
import { parseDuration } from "../../durations.ts";
import type { OutputFormat } from "../../output.ts";
import { print } from "../../output.ts";

export interface SettingsFlags {
  readonly replaceAfter?: string;
  readonly movesMax?: number;
  readonly moveRate?: string;
  readonly dropGrace?: string;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 * 1024,
  GiB: 1024 * 1024 * 1024,
};

/** @throws StreamError `invalid-argument` for a value that cannot be read, or is out of its bounds. */
export async function changeSettings(
  { client }: Connection,
  flags: SettingsFlags,
  output: OutputFormat,
): Promise<void> {
  const wanted = wantedPolicy(flags);
  if (Object.keys(wanted).length > 0) await client.admin.updatePlacementPolicy(wanted);
  const policy = placementPolicy(client.view.cluster());
  print(output, policy, () => [{ rows: rowsOf(policy), empty: "" }]);
}

/** Only what was named. */
export function wantedPolicy(flags: SettingsFlags): Partial<PlacementPolicy> {
  const { replaceAfter, movesMax, moveRate, dropGrace } = flags;
  return {
    ...(replaceAfter === undefined
      ? {}
      : { replaceAfterMs: parseDuration("--replace-after", replaceAfter) }),
    ...(movesMax === undefined ? {} : { movesMax }),
    ...(moveRate === undefined ? {} : { moveBytesPerSecond: parseRate(moveRate) }),
    ...(dropGrace === undefined ? {} : { dropGraceMs: parseDuration("--drop-grace", dropGrace) }),
  };
}

function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/.exec(text);
  const [, count, unit = ""] = match ?? [];
  if (count !== undefined) return Math.round(Number(count) * (UNIT_BYTES[unit] ?? 0));
  throw new StreamError(
    "invalid-argument",
    `--move-rate is ${text}, but must be bytes per second such as 512KiB, 100MiB or 1GiB`,
  );
}

function rowsOf(policy: PlacementPolicy) {
  const { replaceAfterMs, movesMax, moveBytesPerSecond, dropGraceMs } = policy;
  const row = (setting: string, value: string | number, meaning: string) => {
    return { setting, value, meaning };
  };
  return [
    row("replace-after", `${replaceAfterMs / 1000}s`, "silence before replicas are made elsewhere"),
    row("moves-max", movesMax, "groups that change their members at one time"),
    row(
      "move-rate",
      `${moveBytesPerSecond / 1024 / 1024}MiB`,
      "what a node sends per second to replicas being made",
    ),
    row("drop-grace", `${dropGraceMs / 1000}s`, "how long data that is to go is kept"),
  ];
}
