/**
 * The data-driven scenario format: a directive, its input, `----`, and the exact output.
 *
 *   # a comment between cases
 *   directive key key=value key=(a,b)
 *   optional input lines
 *   ----
 *   expected output, up to the first blank line
 *
 * Output that holds blank lines is fenced by `----` twice on both sides. A trailing `\` joins a
 * directive with the next line.
 *
 * Source: the format of cockroachdb/datadriven, as the etcd-raft scenario files use it.
 */

export interface DirectiveArg {
  readonly key: string;
  readonly values: readonly string[];
}

/** One case of a scenario file. */
export interface ScenarioCase {
  /** 1-based line of the directive. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly DirectiveArg[];
  readonly input: string;
  readonly expected: string;
  /** 0-based lines of the file that hold the expected text: from the first to before the second. */
  readonly expectedLines: readonly [number, number];
}

/** A case whose output differs from what the file says. */
export interface ScenarioFailure {
  readonly name: string;
  readonly line: number;
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

export type ScenarioHandler = (one: ScenarioCase) => string;

/** Runs every case of a file in order and returns those that differ. */
export function runScenario(
  name: string,
  text: string,
  handle: ScenarioHandler,
): { cases: number; failures: ScenarioFailure[] } {
  const cases = parseScenario(text);
  const failures: ScenarioFailure[] = [];
  for (const one of cases) {
    const actual = answer(handle, one);
    const { line, command, expected } = one;
    if (actual === expected) continue;
    failures.push({ name, line, command, expected, actual });
  }
  return { cases: cases.length, failures };
}

/** The handler's answer, ended by a line break unless it is empty. */
function answer(handle: ScenarioHandler, one: ScenarioCase): string {
  const raw = handle(one);
  return raw === "" || raw.endsWith("\n") ? raw : `${raw}\n`;
}

/**
 * The text of a file with every expected part replaced by the handler's answer. Everything else,
 * comments included, stays as it is.
 */
export function rewriteScenario(text: string, handle: ScenarioHandler): string {
  const lines = text.split("\n");
  const kept: string[] = [];
  let at = 0;
  for (const one of parseScenario(text)) {
    const actual = answer(handle, one);
    const [from, to] = one.expectedLines;
    const isFenced = lines[from - 1] === "----" && lines[from - 2] === "----";
    kept.push(...lines.slice(at, isFenced ? from - 1 : from), ...fenced(actual));
    at = isFenced ? Math.min(to + 2, lines.length) : to;
  }
  return `${[...kept, ...lines.slice(at)].join("\n").trimEnd()}\n`;
}

function fenced(actual: string): string[] {
  if (actual === "") return [];
  const lines = actual.slice(0, -1).split("\n");
  return lines.some((line) => line.trim() === "") ? ["----", ...lines, "----", "----"] : lines;
}

/** The cases of a file, in order. @throws Error naming the line that cannot be read. */
export function parseScenario(text: string): ScenarioCase[] {
  const lines = text.split("\n");
  const cases: ScenarioCase[] = [];
  let at = 0;
  const next = (): string | undefined => lines[at++];
  for (let line = next(); line !== undefined; line = next()) {
    let directive = line.trim();
    if (directive === "" || directive.startsWith("#")) continue;
    const first = at;
    while (directive.endsWith("\\")) directive = directive.slice(0, -1) + (next() ?? "").trim();
    const input: string[] = [];
    let one = next();
    while (one !== undefined && one !== "----") {
      input.push(one);
      one = next();
    }
    if (one === undefined) throw new Error(`line ${first}: no ---- after ${directive}`);
    const isFenced = lines[at] === "----";
    if (isFenced) at += 1;
    const expected: string[] = [];
    const from = at;
    one = next();
    while (one !== undefined && !isEnd(one, lines[at], isFenced)) {
      expected.push(`${one}\n`);
      one = next();
    }
    const to = one === undefined ? Math.min(at, lines.length) : at - 1;
    if (isFenced) at += 1;
    cases.push({
      line: first,
      ...parseDirective(directive, first),
      input: input.join("\n").trim(),
      expected: expected.join(""),
      expectedLines: [from, to],
    });
  }
  return cases;
}

function isEnd(line: string, following: string | undefined, isFenced: boolean): boolean {
  return isFenced ? line === "----" && following === "----" : line.trim() === "";
}

const TOKEN = /\s*([^\s=()]+)(?:=(\([^)]*(?:\([^)]*\)[^)]*)*\)|[^\s()]*))?/y;

function parseDirective(
  text: string,
  line: number,
): { command: string; args: readonly DirectiveArg[] } {
  const args: DirectiveArg[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`line ${line}: cannot read "${text.slice(at)}"`);
    args.push({ key: match[1] ?? "", values: parseValues(match[2]) });
  }
  const [command, ...rest] = args;
  return { command: command?.key ?? "", args: rest };
}

function parseValues(text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  if (!text.startsWith("(")) return [text];
  const inner = text.slice(1, -1).trim();
  return inner === "" ? [] : inner.split(",").map((value) => value.trim());
}
