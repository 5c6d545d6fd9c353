/**
 * Where the core's log lines go. Texts are made only when a logger is there: with thousands of
 * groups, formatting what nobody reads would be the largest cost of an election storm.
 *
 * Source: texts follow etcd-raft v3.7; ids are printed in hexadecimal as there.
 */

export interface RaftLogger {
  debug(text: string): void;
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
}

/** An id as log lines print it. */
export function hex(id: number): string {
  return id.toString(16);
}
