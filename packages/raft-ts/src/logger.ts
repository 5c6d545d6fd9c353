/**
 * Where the core's log lines go. Texts are made only when a logger is there: with thousands of
 * groups, formatting what nobody reads would be the largest cost of an election storm.
 *
 * Source: texts follow etcd-raft v3.7; ids are printed in hexadecimal as there.
 */

/** Takes the core's log lines. It must not call the node, and it should not throw. */
export interface RaftLogger {
  /** What happens in normal operation, message by message. */
  debug(text: string): void;
  /** Elections, changes of role and of configuration. */
  info(text: string): void;
  /** Something was dropped or given up; the group goes on. */
  warning(text: string): void;
  /** Somebody broke the protocol; the message was ignored. */
  error(text: string): void;
}

/** An id as log lines print it. */
export function hex(id: number): string {
  return id.toString(16);
}
