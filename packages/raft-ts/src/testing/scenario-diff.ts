/** The difference between two texts, line by line, as a failed scenario shows it. */

const CONTEXT_LINES = 3;

/**
 * Lines of `expected` that are not in `actual` with `-`, the other way round with `+`, and up to
 * three equal lines around them. The lines between the first and the last difference count as
 * different: in the output of a deterministic run, what follows a difference follows from it.
 */
export function diffLines(expected: string, actual: string): string {
  const left = linesOf(expected);
  const right = linesOf(actual);
  const least = Math.min(left.length, right.length);
  let head = 0;
  while (head < least && left[head] === right[head]) head += 1;
  let tail = 0;
  while (tail < least - head && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const before = left.slice(Math.max(0, head - CONTEXT_LINES), head);
  const after = left.slice(left.length - tail).slice(0, CONTEXT_LINES);
  return [
    ...before.map((line) => `    ${line}\n`),
    ...left.slice(head, left.length - tail).map((line) => `  - ${line}\n`),
    ...right.slice(head, right.length - tail).map((line) => `  + ${line}\n`),
    ...after.map((line) => `    ${line}\n`),
  ].join("");
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
