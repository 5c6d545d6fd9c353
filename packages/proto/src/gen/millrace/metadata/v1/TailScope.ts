// Original file: proto/millrace/metadata/v1/metadata.proto

export const TailScope = {
  TAIL_SCOPE_UNSPECIFIED: 'TAIL_SCOPE_UNSPECIFIED',
  /**
   * Everything, sealed keys included; for processes that hold the cluster secret.
   */
  TAIL_SCOPE_INTERNAL: 'TAIL_SCOPE_INTERNAL',
  /**
   * What an SDK needs to find shards: nodes, streams, shards.
   */
  TAIL_SCOPE_ROUTES: 'TAIL_SCOPE_ROUTES',
} as const;

export type TailScopeInput =
  | 'TAIL_SCOPE_UNSPECIFIED'
  | 0
  /**
   * Everything, sealed keys included; for processes that hold the cluster secret.
   */
  | 'TAIL_SCOPE_INTERNAL'
  | 1
  /**
   * What an SDK needs to find shards: nodes, streams, shards.
   */
  | 'TAIL_SCOPE_ROUTES'
  | 2

export type TailScope = typeof TailScope[keyof typeof TailScope]
