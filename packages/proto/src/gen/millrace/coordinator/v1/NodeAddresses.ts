// Original file: proto/millrace/coordinator/v1/coordinator.proto


/**
 * The three ports of a process that others dial, `host:port`; `aws` only where a gateway runs.
 */
export interface NodeAddressesInput {
  'rpc'?: (string);
  'data'?: (string);
  'admin'?: (string);
  'aws'?: (string);
}

/**
 * The three ports of a process that others dial, `host:port`; `aws` only where a gateway runs.
 */
export interface NodeAddresses {
  'rpc': (string);
  'data': (string);
  'admin': (string);
  'aws': (string);
}
