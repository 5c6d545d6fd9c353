/**
 * How a client reaches other processes: the connections of @millrace/rpc, or those of a world in memory.
 *
 * The simulator runs this whole package over a network of its own, so the two kinds of connection are
 * made by whoever makes the client. A channel is made once per address, never per request.
 */
import type { ControlChannelOptions, HotChannelOptions } from "@millrace/rpc";
import { ControlChannel, HotChannel } from "@millrace/rpc";

export type HotPort = Pick<HotChannel, "state" | "onState" | "connect" | "open" | "close">;
export type ControlPort = Pick<ControlChannel, "call" | "serverStream" | "close">;

export interface Channels {
  /** To a `data` port: append and fetch streams. */
  hot(options: HotChannelOptions): HotPort;
  /** To an `rpc` port: calls and the metadata tail. */
  control(options: ControlChannelOptions): ControlPort;
}

/** Sockets. */
export const RPC_CHANNELS: Channels = {
  hot: (options) => new HotChannel(options),
  control: (options) => new ControlChannel(options),
};
