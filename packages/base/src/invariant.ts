/** Thrown where the impossible happened: the shard or the process stops rather than go on with a wrong state. */
export class InvariantViolation extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InvariantViolation";
  }
}

/**
 * States what cannot be otherwise. Not for bad input: that is a `StreamError`.
 *
 * @throws InvariantViolation with `message`, or what `message()` returns where building it costs something.
 */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (condition) return;
  throw new InvariantViolation(typeof message === "string" ? message : message());
}

/** The end of every `switch` over a union: a case that was forgotten does not compile. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`unexpected value: ${JSON.stringify(value)}`);
}
