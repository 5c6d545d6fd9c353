/** Chance, injected so that a seed replays a run. */
export interface Random {
  /** A whole number in 0..bound - 1, each as likely; `bound` is 1..2^32. */
  uniform(bound: number): number;
  /** `length` random bytes (0..65536). In production from the system's secure source. */
  bytes(length: number): Uint8Array;
}
