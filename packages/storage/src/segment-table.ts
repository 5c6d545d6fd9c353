/** What a whole segment says of itself: header, footer and extent table, each against its checksum. */
import type { OpenFile } from "@millrace/base";

import { ByteReader, checksum } from "./bytes.ts";
import {
  damaged,
  decodeExtent,
  decodeSegmentFooter,
  decodeSegmentHeader,
  SEGMENT_FOOTER_BYTES,
  SEGMENT_HEADER_BYTES,
} from "./segment-format.ts";
import type { Extent } from "./segment-format.ts";
import { readAt } from "./segment-walk.ts";

export interface SegmentIdentity {
  readonly segmentId: number;
  readonly incarnation: string;
}

/** @throws StreamError `corrupt` */
export async function requireHeader(file: OpenFile, expected: SegmentIdentity): Promise<void> {
  const { path } = file;
  const header = decodeSegmentHeader(await readAt(file, 0, SEGMENT_HEADER_BYTES), path);
  const { segmentId, incarnation } = header;
  if (segmentId === expected.segmentId && incarnation === expected.incarnation) return;
  throw damaged(`${path} at byte 0`, `this is segment ${segmentId} of ${incarnation}`);
}

/** @throws StreamError `corrupt` */
export async function readExtentTable(
  file: OpenFile,
  identity: SegmentIdentity,
): Promise<readonly Extent[]> {
  const { path } = file;
  await requireHeader(file, identity);
  const footerAt = Math.max(0, (await file.size()) - SEGMENT_FOOTER_BYTES);
  const footerBytes = await readAt(file, footerAt, SEGMENT_FOOTER_BYTES);
  const footer = decodeSegmentFooter(footerBytes, path, footerAt);
  const { tablePosition, extentCount } = footer;
  if (footer.segmentId !== identity.segmentId || tablePosition > footerAt) {
    throw damaged(`${path} at byte ${footerAt}`, `the footer is that of ${footer.segmentId}`);
  }
  const table = await readAt(file, tablePosition, footerAt - tablePosition);
  if (checksum(table) !== footer.crc) {
    throw damaged(
      `${path} at byte ${tablePosition}`,
      "the extent table does not match its checksum",
    );
  }
  const reader = new ByteReader(table);
  return Array.from({ length: extentCount }, () => decodeExtent(identity.segmentId, reader));
}
