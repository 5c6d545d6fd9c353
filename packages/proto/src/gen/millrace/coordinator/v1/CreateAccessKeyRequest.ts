// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface CreateAccessKeyRequestInput {
  'account'?: (string);
  'accessKeyId'?: (string);
  'sealedSecret'?: (Buffer | Uint8Array | string);
}

export interface CreateAccessKeyRequest {
  'account': (string);
  'accessKeyId': (string);
  'sealedSecret': (Buffer);
}
