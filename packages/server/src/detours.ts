/**
 * Other ways to the same nodes, for tests that cut and slow the network between real processes.
 *
 * A node learns where its peers listen from metadata, so a proxy between two of them is never dialled
 * unless the dialler takes a detour: here each address can be given another that is dialled instead.
 * Calls stay signed for the address that metadata has.
 */
import { readFileSync } from "node:fs";

import { StreamError } from "@millrace/base";
import { RPC_CHANNELS } from "@millrace/client";
import type { Channels } from "@millrace/client";

export type Detour = (address: string) => string;

/**
 * @param file A JSON object, address to address; empty takes no detours.
 * @throws StreamError `invalid-argument` that names the setting, the file and what is wrong with it.
 */
export function readDetours(file: string): Detour {
  if (file === "") return (address) => address;
  const wrong = (what: string, cause?: unknown) =>
    new StreamError("invalid-argument", `testDetoursFile is ${file}, but ${what}`, { cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw wrong("that is no JSON that can be read", error);
  }
  const entries = Object.entries(parsed ?? {});
  const pairs = entries.filter((pair): pair is [string, string] => typeof pair[1] === "string");
  if (pairs.length < entries.length) throw wrong("must map addresses to addresses");
  const byAddress = new Map(pairs);
  return (address) => byAddress.get(address) ?? address;
}

/** Sockets that take the detour. */
export function detouredChannels(detour: Detour): Channels {
  return {
    hot: (options) => RPC_CHANNELS.hot({ ...options, address: detour(options.address) }),
    control: (options) => RPC_CHANNELS.control({ ...options, address: detour(options.address) }),
  };
}
