import { StreamError } from "@millrace/base";

const ADDRESS = /^(?:\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+):(\d{1,5})$/;

/** @throws StreamError `invalid-argument` unless `address` is `host:port`, an IPv6 host in brackets. */
export function requireAddress(address: string): void {
  const port = Number(ADDRESS.exec(address)?.[1] ?? 0);
  if (port >= 1 && port <= 65_535) return;
  throw new StreamError("invalid-argument", `address is "${address}", but must be host:port`);
}
