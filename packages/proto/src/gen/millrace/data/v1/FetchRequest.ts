// Original file: proto/millrace/data/v1/data.proto

import type { Long } from '@grpc/proto-loader';

export interface FetchRequestInput {
  'requestId'?: (number | string | Long);
  'groupId'?: (number | string | Long);
  /**
   * First record wanted; below the trim point it continues at the trim point.
   */
  'offset'?: (number | string | Long);
  /**
   * At most 10 MiB; the first record comes whatever its size.
   */
  'maxBytes'?: (number);
  'maxRecords'?: (number);
  /**
   * With nothing to read, wait this long for a record before an empty reply. At most 30 s.
   */
  'waitMs'?: (number);
  /**
   * Counts against the shard's read limits (2 MiB/s and 5 calls/s), as GetRecords does.
   */
  'limited'?: (boolean);
}

export interface FetchRequest {
  'requestId': (number);
  'groupId': (number);
  /**
   * First record wanted; below the trim point it continues at the trim point.
   */
  'offset': (number);
  /**
   * At most 10 MiB; the first record comes whatever its size.
   */
  'maxBytes': (number);
  'maxRecords': (number);
  /**
   * With nothing to read, wait this long for a record before an empty reply. At most 30 s.
   */
  'waitMs': (number);
  /**
   * Counts against the shard's read limits (2 MiB/s and 5 calls/s), as GetRecords does.
   */
  'limited': (boolean);
}
