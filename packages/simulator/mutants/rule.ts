/** Which rule a violation is of, from the words that the simulator's checks report it in. */

/** What the harness says of an error that no check expected: no rule is named, so it proves nothing. */
const NO_RULE = "threw";

/** The name in front of the colon; undefined when no check has spoken. */
export function ruleOf(violation: string): string | undefined {
  // A process ended by itself on a sound disk: `n1.2: corrupt: ...`.
  const ended = /^n\d+\.\d+: ([a-z-]+):/.exec(violation);
  if (ended?.[1] !== undefined) return `process ended, ${ended[1]}`;
  if (/^node \d+ group \d+ has failed/.test(violation)) return "replica stopped";
  if (violation.startsWith("metadata of nodes")) return "S12";
  const named = /^([A-Za-z][A-Za-z0-9 -]*):/.exec(violation)?.[1];
  return named === NO_RULE ? undefined : named;
}
