/**
 * Cuts a stream of bytes into lines, as bytes: a record is what the file holds, whatever its
 * encoding, and a file without line ends must not fill the memory before somebody notices.
 */
import { StreamError } from "@millrace/base";

/** The largest record that a stream can be told to take: 10 MiB. */
export const LINE_BYTES_MAX = 10 * 1024 * 1024;

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Lines without their ends (LF or CRLF); a last one without an end counts, an empty rest does not.
 *
 * @throws StreamError `invalid-argument` that names the line longer than `bytesMax`.
 */
export async function* readLines(
  input: AsyncIterable<Buffer>,
  bytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<Buffer, void, undefined> {
  let parts: Buffer[] = [];
  let held = 0;
  let number = 1;
  const hold = (part: Buffer) => {
    held += part.length;
    if (held <= bytesMax) return parts.push(part);
    throw new StreamError(
      "invalid-argument",
      `line ${number} is longer than ${bytesMax} bytes, the largest record there is`,
    );
  };
  for await (const chunk of input) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      hold(chunk.subarray(from, at));
      yield withoutReturn(parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts));
      parts = [];
      held = 0;
      number++;
      from = at + 1;
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  if (held > 0) yield Buffer.concat(parts);
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}

/**
 * The partition key of a line that was given none: its own text, so that lines spread over shards
 * and equal lines keep their order. A key has 1..256 characters and is text, so bytes that are not
 * UTF-8 appear in it as replacement characters; the record keeps them as they are.
 */
export function partitionKeyOf(line: Buffer): string {
  // 256 characters take 1024 bytes at most; more need not be decoded.
  const text = line.subarray(0, 1024).toString("utf8").slice(0, 256);
  const cut = /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
  return cut === "" ? "-" : cut;
}
