// Original file: proto/millrace/metadata/v1/metadata.proto


export interface ChangeInput {
  'key'?: (string);
  /**
   * JSON of a record of packages/model, metadata.ts; empty when deleted.
   */
  'value'?: (Buffer | Uint8Array | string);
  'deleted'?: (boolean);
}

export interface Change {
  'key': (string);
  /**
   * JSON of a record of packages/model, metadata.ts; empty when deleted.
   */
  'value': (Buffer);
  'deleted': (boolean);
}
