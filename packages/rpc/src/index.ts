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
export {
  decodeAppendRequest,
  decodeAppendResponse,
  encodeAppendRequest,
  encodeAppendResponse,
} from "./messages/append.ts";
export type {
  AppendHeader,
  AppendRequestMessage,
  AppendResponseMessage,
} from "./messages/append.ts";
export {
  decodeFetchRequest,
  decodeFetchResponse,
  encodeFetchRequest,
  encodeFetchResponse,
} from "./messages/fetch.ts";
export type {
  FetchRequestMessage,
  FetchResponseMessage,
  FetchResponseParts,
  RecordSliceMessage,
} from "./messages/fetch.ts";
export {
  decodeExchangeRequest,
  decodeExchangeResponse,
  encodeExchangeRequest,
  encodeExchangeResponse,
} from "./messages/exchange.ts";
export type { ExchangeResponseMessage } from "./messages/exchange.ts";
export { decodeFailure, encodeFailure } from "./messages/failure.ts";
export { CONTROL_MESSAGE_BYTES_MAX, createControlServer } from "./control/control-server.ts";
export type {
  ControlServer,
  ControlServerOptions,
  UnauthenticatedCall,
} from "./control/control-server.ts";
export { controlService } from "./control/control-service.ts";
export type {
  ControlCall,
  ControlHandlers,
  ControlService,
  MessageSink,
  StreamHandler,
  UnaryHandler,
} from "./control/control-service.ts";
export { ControlChannel } from "./control/control-channel.ts";
export type {
  ControlChannelOptions,
  ControlMethod,
  OpenCall,
  StreamCallbacks,
  UnaryOptions,
} from "./control/control-channel.ts";
export { MetadataTail, TAIL_HEARTBEAT_MS } from "./tail.ts";
export type { MetadataTailOptions, TailChange } from "./tail.ts";
