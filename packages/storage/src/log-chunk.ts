/**
 * Entries on their way from one replica's segments to another's: frames, and nothing of either file.
 *
 * The sender's checksum is the receiver's: bytes that change anywhere between two disks are refused
 * before one of them is written.
 */
import { checksum } from "./bytes.ts";
import type { LogChunk } from "./healing-types.ts";
import { encodeSegmentFrameHeader, SEGMENT_FRAME_HEADER_BYTES } from "./segment-format.ts";
import type { LogEntry } from "./types.ts";

/** `entries` are consecutive, one at least. */
export function encodeChunk(entries: readonly LogEntry[]): LogChunk {
  let bytes = 0;
  for (const { data } of entries) bytes += SEGMENT_FRAME_HEADER_BYTES + data.byteLength;
  const frames = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const entry of entries) {
    const end = at + SEGMENT_FRAME_HEADER_BYTES + entry.data.byteLength;
    encodeSegmentFrameHeader(entry, frames, at);
    frames.set(entry.data, at + SEGMENT_FRAME_HEADER_BYTES);
    frames.writeUInt32LE(checksum(frames.subarray(at + 4, end)), at);
    at = end;
  }
  return {
    firstIndex: entries[0]?.index ?? 0,
    lastIndex: entries.at(-1)?.index ?? 0,
    frames,
  };
}
