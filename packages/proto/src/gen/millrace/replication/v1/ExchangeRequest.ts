// Original file: proto/millrace/replication/v1/replication.proto


/**
 * The messages of all Raft groups of one event-loop turn for one peer and class.
 */
export interface ExchangeRequestInput {
  /**
   * Fixed binary layout, drawn in packages/replica/FRAME.md. At most 16 MiB.
   */
  'frame'?: (Buffer | Uint8Array | string);
}

/**
 * The messages of all Raft groups of one event-loop turn for one peer and class.
 */
export interface ExchangeRequest {
  /**
   * Fixed binary layout, drawn in packages/replica/FRAME.md. At most 16 MiB.
   */
  'frame': (Buffer);
}
