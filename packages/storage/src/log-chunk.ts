/**
 * Entries on their way from one replica's segments to another's: frames, and nothing of either file.
 *
 * The sender's checksum is the receiver's: bytes that change anywhere between two disks are refused
 * before one of them is written.
 */
import { StreamError } from "@millrace/base";

import { asBuffer, checksum } from "./bytes.ts";
import type { LogChunk } from "./healing-types.ts";
import { IMPORT_CHUNK_BYTES_MAX } from "./limits.ts";
import {
  decodeSegmentFrame,
  encodeSegmentFrameHeader,
  SEGMENT_FRAME_HEADER_BYTES,
} from "./segment-format.ts";
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

/** Chunks that follow each other, one at least, as one. */
export function joinChunks(chunks: readonly LogChunk[]): LogChunk {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  return {
    firstIndex: first?.firstIndex ?? 0,
    lastIndex: chunks.at(-1)?.lastIndex ?? 0,
    frames: Buffer.concat(chunks.map(({ frames }) => frames)),
  };
}

/**
 * The entries of a chunk that must begin at `index`, behind an entry of `term`: views, not copies.
 *
 * @throws StreamError `corrupt` for the first frame that is not intact or not next, `invalid-argument`
 * for a chunk that is above its bound, or whose numbers are not those of its frames.
 */
export function verifiedEntries(
  { firstIndex, lastIndex, frames }: LogChunk,
  index: number,
  term: number,
): readonly LogEntry[] {
  const bytes = asBuffer(frames);
  if (firstIndex !== index || bytes.byteLength === 0)
    throw refused("firstIndex", firstIndex, index);
  if (bytes.byteLength > IMPORT_CHUNK_BYTES_MAX) {
    throw new StreamError(
      "invalid-argument",
      `chunk.frames are ${bytes.byteLength} bytes, but at most ${IMPORT_CHUNK_BYTES_MAX} are allowed`,
    );
  }
  const entries: LogEntry[] = [];
  let least = term;
  for (let at = 0; at < bytes.byteLength;) {
    const expected = index + entries.length;
    const damaged = (what: string) =>
      new StreamError("corrupt", `chunk from entry ${index}, at byte ${at}: ${what}`);
    const frame = decodeSegmentFrame(bytes, at, expected, damaged);
    if ("needBytes" in frame) throw damaged(`entry ${expected} runs over the chunk's end`);
    if (frame.entry.term < least) {
      throw damaged(`entry ${expected} has term ${frame.entry.term} behind term ${least}`);
    }
    least = frame.entry.term;
    entries.push(frame.entry);
    at = frame.end;
  }
  const last = index + entries.length - 1;
  if (lastIndex !== last) throw refused("lastIndex", lastIndex, last);
  return entries;
}

const refused = (name: string, value: number, expected: number) =>
  new StreamError("invalid-argument", `chunk.${name} is ${value}, but must be ${expected}`);
