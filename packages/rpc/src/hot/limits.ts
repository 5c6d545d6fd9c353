/**
 * Bounds of the hot codec, the same at both ends.
 *
 * Why 16 MiB windows: HTTP/2's default of 64 KiB caps a connection at 64 KiB per round trip, and costs
 * half of the throughput even on loopback. `maxFrameSize` only permits larger frames: nghttp2 inside
 * Node cuts DATA at 16 KiB whatever the peer allows, so raising it is free and helps other senders.
 */
export interface HotLimits {
  /** Receive window of a stream and of a connection, bytes. @default 16 MiB */
  readonly windowBytes: number;
  /** Longest DATA frame that we accept, 16384..2^24 - 1 bytes. @default 1 MiB */
  readonly frameBytesMax: number;
  /** Longest message in either direction, bytes. @default 16 MiB and 64 KiB for headers around a full frame */
  readonly messageBytesMax: number;
  /** `send` returns false above this many queued bytes. @default 8 MiB */
  readonly queuedBytesMark: number;
  /** `send` refuses above this many queued bytes. @default 64 MiB */
  readonly queuedBytesMax: number;
  /** All headers of a call, bytes as HTTP/2 counts them. @default 16 KiB */
  readonly headerBytesMax: number;
  /** Streams that are open at once on one connection. @default 1024 */
  readonly streamsMax: number;
  /** Connections that are open at once, server only. @default 4096 */
  readonly connectionsMax: number;
  /** Milliseconds between PINGs. @default 5000 */
  readonly pingIntervalMs: number;
  /** Milliseconds without any byte after a PING until the connection is given up. @default 5000 */
  readonly pingTimeoutMs: number;
}

const MIB = 1024 * 1024;

export const HOT_LIMITS: HotLimits = {
  windowBytes: 16 * MIB,
  frameBytesMax: MIB,
  messageBytesMax: 16 * MIB + 64 * 1024,
  queuedBytesMark: 8 * MIB,
  queuedBytesMax: 64 * MIB,
  headerBytesMax: 16 * 1024,
  streamsMax: 1024,
  connectionsMax: 4096,
  pingIntervalMs: 5000,
  pingTimeoutMs: 5000,
};

/**
 * Memory, in MB, at which Node refuses further streams of a session; it counts queued DATA. Node's
 * default of 10 is below one window, so it must cover `queuedBytesMax` of several streams.
 */
export const SESSION_MEMORY_MB_MAX = 1024;
