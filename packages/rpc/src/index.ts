export { HOT_LIMITS } from "./hot/limits.ts";
export type { HotLimits } from "./hot/limits.ts";
export type { CallInfo, CallMetadata, HotStream } from "./hot/hot-stream.ts";
export { createHotServer } from "./hot/hot-server.ts";
export type { HotServer, HotServerOptions, ServerTls } from "./hot/hot-server.ts";
export { HotChannel, systemCodeOf } from "./hot/hot-channel.ts";
export type {
  ChannelState,
  ChannelTls,
  HotChannelOptions,
  OpenHotOptions,
} from "./hot/hot-channel.ts";
export { binaryHeader } from "./hot/metadata.ts";
